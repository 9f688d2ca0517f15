//! Arithmetic with what the processor has: AVX2, FMA and F16C where an x86 processor has them, otherwise what every
//! processor of its kind has (NEON on ARM).
//!
//! Mostly plain loops, compiled once for each; which one runs is found out at run time. Wider registers would gain a scan of
//! numbers nothing, which waits for memory; bits are counted in them where the processor can (AVX-512 VPOPCNTDQ).

use super::score::dot_in_lanes;
use half::f16;

/// Runs `work`, with the loops in it compiled for this processor. What it calls must be marked `#[inline(always)]`, or is
/// compiled for any.
#[inline(always)]
pub(crate) fn with_all_the_processor_has<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::run(work) };
    }
    work()
}

/// Writes the numbers of `halves` over `singles`, of which there are as many; each is the same number.
pub(super) fn widen(halves: &[f16], singles: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::widen(halves, singles) };
    }
    for (single, half) in singles.iter_mut().zip(halves) {
        *single = half.to_f32();
    }
}

/// The dot product of each row of `halves` with `query`, in whatever order of additions is quickest.
///
/// # Shapes
/// - `halves`: `[out.len(), d]`
/// - `query`: `[d]`, at least one number
pub(crate) fn dots_of_halves(halves: &[f16], query: &[f32], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::dots_of_halves(halves, query, out) };
    }
    let mut singles = vec![0.0; query.len()];
    for (out, row) in out.iter_mut().zip(halves.chunks_exact(query.len())) {
        widen(row, &mut singles);
        *out = quick_dot(&singles, query);
    }
}

/// The dot product of a row that lies anywhere with `query`, as [`dots_of_halves`] has it.
///
/// # Shapes
/// `[d]` both, at least one number
pub(crate) fn dot_of_halves(halves: &[f16], query: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::dot_of_halves(halves, query) };
    }
    halves.iter().zip(query).map(|(x, y)| x.to_f32() * y).sum()
}

/// The dot product of each row of `codes` with each of `queries`: exact, unless it leaves the range of `i32`.
///
/// # Shapes
/// - `codes`: `[n, d]`
/// - `queries`: `[n_queries, d]`, d being at least 1
/// - `out`: `[n, n_queries]`
pub(crate) fn dots_of_bytes(codes: &[i8], queries: &[i16], width: usize, out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::dots_of_bytes(codes, queries, width, out) };
    }
    let mut out = out.iter_mut();
    for row in codes.chunks_exact(width) {
        for (query, out) in queries.chunks_exact(width).zip(&mut out) {
            let products = (row.iter().zip(query)).map(|(x, y)| i32::from(*x) * i32::from(*y));
            *out = products.sum();
        }
    }
}

/// Bits of an integer that [`dots_of_bits`] takes.
pub(super) const PLANES: usize = 4;

/// The dot product of each row of `bits` (ones and zeros) with a query of integers, which comes by bit: the lowest bits of
/// all its numbers, and so on; the last ones count negative, as in two's complement.
///
/// # Shapes
/// - `bits`: `[out.len(), words]` of 64 bits each, little-endian
/// - `planes`: `[4, words]`
pub(super) fn dots_of_bits(bits: &[[u8; 8]], planes: &[u64], out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::counts_bits() {
        #[expect(unsafe_code, reason = "what a processor has is known at run time only")]
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { x86::dots_of_bits(bits, planes, out) };
    }
    with_all_the_processor_has(
        #[inline(always)]
        || dots_of_words(bits, planes, out),
    );
}

/// See [`dots_of_bits`]. Rows of the usual widths (512, 640, 768, 1024) are taken whole, which keeps their sums in registers.
#[inline(always)]
fn dots_of_words(bits: &[[u8; 8]], planes: &[u64], out: &mut [i32]) {
    match planes.len() / PLANES {
        0 => out.fill(0),
        8 => dots_of_rows::<8>(bits, planes, out),
        10 => dots_of_rows::<10>(bits, planes, out),
        12 => dots_of_rows::<12>(bits, planes, out),
        16 => dots_of_rows::<16>(bits, planes, out),
        words => {
            let plane = |nth: usize, at: usize| planes[nth * words + at];
            for (out, row) in out.iter_mut().zip(bits.chunks_exact(words)) {
                let of_words = row.iter().enumerate();
                let of_words = of_words.map(|(at, word)| {
                    in_planes(
                        *word,
                        [plane(0, at), plane(1, at), plane(2, at), plane(3, at)],
                    )
                });
                *out = of_words.sum();
            }
        }
    }
}

/// See [`dots_of_bits`], for rows of so many words.
#[inline(always)]
fn dots_of_rows<const WORDS: usize>(bits: &[[u8; 8]], planes: &[u64], out: &mut [i32]) {
    let (rows, _) = bits.as_chunks::<WORDS>();
    let &[a, b, c, d] = planes.as_chunks::<WORDS>().0 else {
        return out.fill(0);
    };
    for (out, row) in out.iter_mut().zip(rows) {
        *out = (0..WORDS)
            .map(|at| in_planes(row[at], [a[at], b[at], c[at], d[at]]))
            .sum();
    }
}

/// The sum of the integers, by bit in `planes`, for which there is a bit in `word`.
#[inline(always)]
fn in_planes(word: [u8; 8], planes: [u64; 4]) -> i32 {
    let word = u64::from_le_bytes(word);
    let count = |nth: usize| (word & planes[nth]).count_ones().cast_signed();
    count(0) + (count(1) << 1) + (count(2) << 2) - (count(3) << 3)
}

/// The dot product of two slices of equal length, in the order of additions that is quickest: the same on every machine, as
/// which lists a search reads depends on it.
#[inline(always)]
pub(crate) fn quick_dot(a: &[f32], b: &[f32]) -> f32 {
    dot_in_lanes::<32>(a, b)
}

/// Has memory fetch `bytes`, which will be wanted soon; where the processor cannot be asked to, nothing happens.
#[inline(always)]
pub(super) fn fetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        x86::fetch(line.as_ptr());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Calls to these, but for [`fetch`](x86::fetch), are unsafe where it is not known that [`is_there`](x86::is_there) or
/// [`counts_bits`](x86::counts_bits) holds; nothing in them is.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use half::f16;
    use half::slice::HalfFloatSliceExt;
    use std::arch::x86_64::{
        __m256, __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32, _mm256_add_ps,
        _mm256_cvtepi8_epi16, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_madd_epi16,
        _mm256_setzero_ps, _mm256_setzero_si256,
    };

    /// Whether the processor has what these functions are compiled for.
    #[inline(always)]
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("popcnt")
    }

    /// Whether the processor counts bits in its widest registers.
    #[inline(always)]
    pub(super) fn counts_bits() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vpopcntdq")
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    pub(super) fn dots_of_bits(bits: &[[u8; 8]], planes: &[u64], out: &mut [i32]) {
        super::dots_of_words(bits, planes, out);
    }

    #[target_feature(enable = "avx2,fma,f16c,popcnt")]
    pub(super) fn run<T>(work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Has memory fetch what lies there. Every x86-64 processor can be asked to.
    #[inline(always)]
    pub(super) fn fetch<T>(place: *const T) {
        #[expect(unsafe_code, reason = "a hint that takes a pointer")]
        #[allow(unused_unsafe, reason = "later compilers count it as safe")]
        // SAFETY: a hint reads nothing, and may be of any address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(place.cast());
        }
    }

    /// Has memory fetch what is wanted 2 KiB later, two rows of 512 numbers in half precision: by themselves processors do
    /// not look beyond the end of a page, and a scan of pages that lie anywhere takes a quarter more time.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn fetch_ahead<T>(numbers: *const T) {
        const AHEAD_BYTES: usize = 2048;
        fetch(numbers.wrapping_byte_add(AHEAD_BYTES));
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn eight(halves: [u16; 8]) -> __m256 {
        _mm256_cvtph_ps(bytemuck::cast(halves))
    }

    /// Eight at a time: the half crate (2.7) takes three times as long.
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn widen(halves: &[f16], singles: &mut [f32]) {
        let (halves, rest) = halves.reinterpret_cast().as_chunks::<8>();
        let (singles, rest_out) = singles.as_chunks_mut::<8>();
        for (out, halves) in singles.iter_mut().zip(halves) {
            *out = bytemuck::cast(eight(*halves));
        }
        for (out, half) in rest_out.iter_mut().zip(rest) {
            *out = f16::from_bits(*half).to_f32();
        }
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn dots_of_halves(halves: &[f16], query: &[f32], out: &mut [f32]) {
        for (out, row) in out.iter_mut().zip(halves.chunks_exact(query.len())) {
            *out = halves_with::<true>(row, query);
        }
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn dot_of_halves(halves: &[f16], query: &[f32]) -> f32 {
        halves_with::<false>(halves, query)
    }

    /// The dot product of a row with a query, in the same order of additions wherever the row lies. `GOES_ON` if others
    /// are read after it.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn halves_with<const GOES_ON: bool>(row: &[f16], query: &[f32]) -> f32 {
        let (query, query_rest) = query.as_chunks::<32>();
        let (row, row_rest) = row.reinterpret_cast().as_chunks::<32>();
        // Four sums at a time: an addition takes as long as four can be begun in.
        let mut sums = [_mm256_setzero_ps(); 4];
        for (x, y) in row.iter().zip(query) {
            if GOES_ON {
                fetch_ahead(x.as_ptr());
            }
            let (x, y) = (x.as_chunks::<8>().0, y.as_chunks::<8>().0);
            for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
                *sum = _mm256_fmadd_ps(eight(*x), bytemuck::cast(*y), *sum);
            }
        }
        let [a, b, c, d] = sums;
        let sums: [f32; 8] =
            bytemuck::cast(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
        let rest = row_rest.iter().zip(query_rest);
        let rest: f32 = rest.map(|(x, y)| f16::from_bits(*x).to_f32() * y).sum();
        sums.iter().sum::<f32>() + rest
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn sixteen(codes: [i8; 16]) -> __m256i {
        _mm256_cvtepi8_epi16(bytemuck::cast(codes))
    }

    /// Rows that stay in the first-level cache while they meet one query after the other.
    const TILE: usize = 32;

    /// Queries that a row meets while it is widened once.
    const TOGETHER: usize = 4;

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn dots_of_bytes(codes: &[i8], queries: &[i16], width: usize, out: &mut [i32]) {
        let n_queries = queries.len() / width;
        let tiles = codes.chunks(TILE * width);
        for (codes, out) in tiles.zip(out.chunks_mut((TILE * n_queries).max(1))) {
            let mut first = 0;
            for some in queries.chunks(TOGETHER * width) {
                if some.len() == TOGETHER * width {
                    dots_with::<TOGETHER>(codes, some, width, out, n_queries, first);
                } else {
                    for (nth, query) in some.chunks_exact(width).enumerate() {
                        dots_with::<1>(codes, query, width, out, n_queries, first + nth);
                    }
                }
                first += TOGETHER;
            }
        }
    }

    /// The dot products of some rows with `N` of the queries, from the `first` on.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn dots_with<const N: usize>(
        codes: &[i8],
        queries: &[i16],
        width: usize,
        out: &mut [i32],
        n_queries: usize,
        first: usize,
    ) {
        let n_blocks = width / 64;
        let queries: [(&[[i16; 64]], &[i16]); N] = std::array::from_fn(|nth| {
            let (blocks, rest) = queries[nth * width..(nth + 1) * width].as_chunks();
            // As many as the row has: nothing is checked in the loop.
            (&blocks[..n_blocks], rest)
        });
        for (row, out) in codes.chunks_exact(width).zip(out.chunks_mut(n_queries)) {
            let (row, row_rest) = row.as_chunks::<64>();
            let row = &row[..n_blocks];
            let mut sums = [_mm256_setzero_si256(); N];
            for block in 0..n_blocks {
                // The others find in the cache what the first of them had fetched.
                if first == 0 {
                    fetch_ahead(row[block].as_ptr());
                }
                for (quarter, codes) in row[block].as_chunks::<16>().0.iter().enumerate() {
                    let x = sixteen(*codes);
                    for (sum, (query, _)) in sums.iter_mut().zip(&queries) {
                        let y = query[block].as_chunks::<16>().0[quarter];
                        let products = _mm256_madd_epi16(x, bytemuck::cast(y));
                        *sum = _mm256_add_epi32(*sum, products);
                    }
                }
            }
            let out = out[first..].iter_mut();
            for (out, (sum, (_, query_rest))) in out.zip(sums.iter().zip(&queries)) {
                let rest = row_rest.iter().zip(*query_rest);
                let rest: i32 = rest.map(|(x, y)| i32::from(*x) * i32::from(*y)).sum();
                *out = bytemuck::cast::<_, [i32; 8]>(*sum).iter().sum::<i32>() + rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_widened_as_the_half_crate_does() {
        let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
        for start in [0, 1, 5] {
            let halves = &halves[start..halves.len() - 2 * start];
            let mut singles = vec![0.0; halves.len()];
            widen(halves, &mut singles);
            for (half, single) in halves.iter().zip(singles) {
                let expected = half.to_f32();
                assert!(expected.is_nan() == single.is_nan(), "{half:?}");
                assert!(
                    expected.is_nan() || expected.to_bits() == single.to_bits(),
                    "{half:?}"
                );
            }
        }
    }

    #[test]
    fn bits_meet_integers_as_they_are_written() {
        let mut random = fastrand::Rng::with_seed(1);
        for words in [1, 2, 7, 8, 10, 16, 19] {
            let bits: Vec<[u8; 8]> = (0..words * 5)
                .map(|_| random.u64(..).to_le_bytes())
                .collect();
            let integers: Vec<i32> = (0..words * 64).map(|_| random.i32(-8..8)).collect();
            let planes: Vec<u64> = (0..4 * words)
                .map(|at| {
                    let (plane, word) = (at / words, at % words);
                    let of_word = integers[word * 64..][..64].iter().zip(0..64);
                    of_word.fold(0, |bits, (integer, place)| {
                        bits | u64::from((integer >> plane) & 1 == 1) << place
                    })
                })
                .collect();
            let mut out = [0; 5];
            dots_of_bits(&bits, &planes, &mut out);
            let mut portable = [0; 5];
            dots_of_words(&bits, &planes, &mut portable);
            for (row, out) in bits.chunks_exact(words).zip(out) {
                let ones = (0..words * 64)
                    .filter(|at| u64::from_le_bytes(row[at / 64]) >> (at % 64) & 1 == 1);
                assert_eq!(ones.map(|at| integers[at]).sum::<i32>(), out);
            }
            assert_eq!(out, portable);
        }
    }
}
