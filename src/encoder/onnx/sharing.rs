//! Which texts share a run of the model, so that none changes a bit of another's vector, and which share it best.
//!
//! A run reads all weights of the model once, whether for one text or for many: measured with ViT-B/32, that is worth
//! some ten tokens. Texts of different lengths can share a run if the shorter ones are filled up. In a causal model
//! what follows the end of text changes nothing but the time; whether the bits stay as well is tried, see
//! [`Sharing::found_out`].

use std::num::NonZeroUsize;

/// Most texts of one run. Larger batches were not faster per text in our measurements.
pub(super) const MOST: usize = 32;

/// What a run costs beside its tokens, in tokens.
const RUN_COST: usize = 10;

/// Rows of one run where all runs have the same number: see [`Sharing::Fixed`].
const FIXED_ROWS: usize = 32;

/// Which texts may share a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// All.
    Any,
    /// Those of the same number of tokens.
    SameLength,
    /// None: neighbours would change each other's vectors.
    Alone,
    /// All runs have the same number of rows, and one of few lengths, that its own length alone decides for a text.
    /// Graphics processors choose the order of their sums by the shape of a run: the same shape, the same bits.
    Fixed {
        /// The longest that a text can be.
        context_length: usize,
    },
}

/// One run of the model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Which of the texts are in it.
    pub(super) texts: Vec<usize>,
    /// Tokens that each is filled up to.
    pub(super) length: usize,
    /// Rows that the run is filled up to.
    pub(super) n_rows: usize,
}

impl Sharing {
    /// Tries which texts can share a run. `run` gives the vectors of some texts in one run, `text` one of any number
    /// of tokens up to `longest`, each number another.
    ///
    /// Neither ONNX Runtime nor a processor's maker promises that the bits of a row stay when rows are added; with
    /// version 1.32 they did for 32-bit floats. Dynamically quantised models take a scale from the whole run.
    pub(super) fn found_out<V: PartialEq, E>(
        longest: NonZeroUsize,
        text: impl Fn(usize, usize) -> Vec<u32>,
        run: impl Fn(&[Vec<u32>]) -> Result<Vec<V>, E>,
    ) -> Result<Self, E> {
        let length = |number: usize| 1 + number * 5 % 11 % longest.get();
        let is_exact = |length: &dyn Fn(usize) -> usize| {
            let texts: Vec<Vec<u32>> = (0..MOST).map(|n| text(n, length(n))).collect();
            let mut alone = Vec::with_capacity(MOST);
            for text in &texts {
                alone.extend(run(std::slice::from_ref(text))?);
            }
            for n in TRIED {
                if run(&texts[..n])? != alone[..n] {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        if is_exact(&length)? {
            return Ok(Self::Any);
        }
        let same = |_| length(1);
        Ok(match is_exact(&same)? {
            true => Self::SameLength,
            false => Self::Alone,
        })
    }

    /// Most texts that are worth being encoded together.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Any | Self::SameLength | Self::Fixed { .. } => MOST,
            Self::Alone => 1,
        }
    }

    /// The runs for texts of these numbers of tokens.
    pub(super) fn runs(self, lengths: &[usize]) -> Vec<Run> {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|text| lengths[*text]);
        let run = |texts: &[usize]| Run {
            length: texts.last().map_or(0, |text| lengths[*text]),
            n_rows: texts.len(),
            texts: texts.to_vec(),
        };
        match self {
            Self::Any => cheapest(&order, lengths).into_iter().map(run).collect(),
            Self::SameLength => order
                .chunk_by(|a, b| lengths[*a] == lengths[*b])
                .flat_map(|texts| texts.chunks(MOST))
                .map(run)
                .collect(),
            Self::Alone => order.chunks(1).map(run).collect(),
            Self::Fixed { context_length } => {
                let filled = |text: usize| fixed_length(lengths[text], context_length);
                order
                    .chunk_by(|a, b| filled(*a) == filled(*b))
                    .flat_map(|texts| texts.chunks(FIXED_ROWS))
                    .map(|texts| Run {
                        length: filled(texts[0]),
                        n_rows: FIXED_ROWS,
                        ..run(texts)
                    })
                    .collect()
            }
        }
    }
}

/// Numbers of texts in a run that are tried.
const TRIED: [usize; 4] = [2, 3, 8, MOST];

/// 8, 16, 32, … tokens, and the context's length at most.
fn fixed_length(length: usize, context_length: usize) -> usize {
    (length.next_power_of_two().max(8)).min(context_length.max(length))
}

/// `order`, texts from the shortest to the longest, cut so that the runs cost least together.
fn cheapest<'a>(order: &'a [usize], lengths: &[usize]) -> Vec<&'a [usize]> {
    // The least cost of the first n texts, and where the last of their runs begins.
    let mut least = vec![(0, 0); order.len() + 1];
    for end in 1..=order.len() {
        let longest = lengths[order[end - 1]];
        let begins = end.saturating_sub(MOST)..end;
        let costs = begins.map(|begin| {
            let cost = RUN_COST + longest * (end - begin);
            (least[begin].0 + cost, begin)
        });
        least[end] = costs.min().expect("a run has a text");
    }
    let mut runs = Vec::new();
    let mut end = order.len();
    while end > 0 {
        let begin = least[end].1;
        runs.push(&order[begin..end]);
        end = begin;
    }
    runs.reverse();
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    const FIXED: Sharing = Sharing::Fixed { context_length: 77 };

    fn cost(runs: &[Run]) -> usize {
        (runs.iter())
            .map(|run| RUN_COST + run.length * run.n_rows)
            .sum()
    }

    proptest! {
        #[test]
        fn each_text_is_in_one_run_that_has_room_for_it(
            lengths in prop::collection::vec(2usize..78, 0..100),
            sharing in prop::sample::select(vec![Sharing::Any, Sharing::SameLength, Sharing::Alone, FIXED]),
        ) {
            let runs = sharing.runs(&lengths);
            let mut seen: Vec<usize> = runs.iter().flat_map(|run| run.texts.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for run in &runs {
                prop_assert!(run.texts.len() <= run.n_rows && run.n_rows <= MOST);
                for text in &run.texts {
                    prop_assert!(lengths[*text] <= run.length && run.length <= 77);
                    match sharing {
                        Sharing::Any => {}
                        Sharing::SameLength => prop_assert_eq!(lengths[*text], run.length),
                        Sharing::Alone => prop_assert_eq!(run.n_rows, 1),
                        Sharing::Fixed { .. } => {
                            prop_assert_eq!(run.length, fixed_length(lengths[*text], 77));
                            prop_assert_eq!(run.n_rows, FIXED_ROWS);
                        }
                    }
                }
            }
        }

        /// Against all ways to cut a few sorted texts into runs.
        #[test]
        fn no_other_runs_cost_less(lengths in prop::collection::vec(2usize..40, 1..9)) {
            let found = cost(&Sharing::Any.runs(&lengths));
            let mut sorted = lengths;
            sorted.sort_unstable();
            for cuts in 0..1u32 << (sorted.len() - 1) {
                let mut runs = Vec::new();
                let mut begin = 0;
                for end in 1..=sorted.len() {
                    if end == sorted.len() || cuts >> (end - 1) & 1 == 1 {
                        runs.push(Run { texts: Vec::new(), length: sorted[end - 1], n_rows: end - begin });
                        begin = end;
                    }
                }
                prop_assert!(found <= cost(&runs));
            }
        }
    }

    /// A model that gives each row `vector` of the row, its neighbours and the length of its run.
    fn tried(vector: impl Fn(&[u32], usize, usize) -> u64) -> Sharing {
        let text = |number: usize, length: usize| vec![u32::try_from(number).unwrap(); length];
        let run = |rows: &[Vec<u32>]| {
            let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
            let vectors = rows.iter().map(|row| vector(row, rows.len(), longest));
            Ok::<_, Infallible>(vectors.collect())
        };
        Sharing::found_out(NonZeroUsize::new(20).unwrap(), text, run).unwrap()
    }

    #[test]
    fn what_changes_bits_is_not_done() {
        let own = |row: &[u32]| u64::from(row[0]) * 100 + row.len() as u64;
        assert_eq!(tried(|row, _, _| own(row)), Sharing::Any);
        assert_eq!(
            tried(|row, _, longest| own(row) + longest as u64 * 10_000),
            Sharing::SameLength
        );
        assert_eq!(
            tried(|row, n, _| own(row) + u64::from(n == MOST)),
            Sharing::Alone
        );
    }
}
