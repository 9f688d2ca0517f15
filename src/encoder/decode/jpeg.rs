//! Whether a JPEG is all there.
//!
//! The decoder fills what is missing with grey, which would spoil the vector. A file that lacks its
//! end-of-image marker alone is whole, and every viewer shows it.

/// How a JPEG ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With its end-of-image marker.
    Marked,
    /// In the data of its last scan, perhaps at the end of it. [`fillers`] tell.
    InLastScan,
    /// Before its last scan.
    Cut,
}

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const RESTART_INTERVAL: u8 = 0xdd;

/// What stands in a JPEG's headers about how much data there has to be.
#[derive(Default)]
struct Headers {
    frame: Option<Frame>,
    /// Units between two restart markers; 0 if there are none.
    restart_interval: u32,
    /// Per component and coefficient, the bits still to come: 0 where the last scan has been.
    missing: Vec<[u8; 64]>,
    scan: Option<Scan>,
    /// Something is not understood here. The decoder may know better, or say why not.
    is_odd: bool,
}

struct Frame {
    width: u32,
    height: u32,
    components: Vec<Component>,
}

/// One component: its name, and its sampling factors.
struct Component {
    id: u8,
    horizontal: u32,
    vertical: u32,
}

/// The scan whose data is being read.
struct Scan {
    n_restarts_expected: u32,
    n_restarts: u32,
}

/// How `bytes` end.
///
/// In entropy-coded data 0xff is followed by 0 or a restart marker only, so any other marker is one.
pub(super) fn ending(bytes: &[u8]) -> Ending {
    let mut headers = Headers::default();
    let mut at = 0;
    let mut in_scan = false;
    while let Some(&[first, code]) = bytes.get(at..at + 2) {
        if first == 0xff && (0xd0..=0xd7).contains(&code) {
            if let Some(scan) = &mut headers.scan {
                scan.n_restarts += 1;
            }
            at += 2;
            continue;
        }
        let is_marker = first == 0xff && !matches!(code, 0 | 0xff | 0x01);
        match code {
            END if is_marker => return Ending::Marked,
            START if is_marker => at += 2,
            _ if is_marker => {
                let length = bytes.get(at + 2..at + 4);
                let length = length.map_or(0, |b| usize::from(b[0]) << 8 | usize::from(b[1]));
                let Some(segment) = bytes.get(at + 4..at + 2 + length.max(2)) else {
                    return Ending::Cut;
                };
                headers.is_odd |= headers.read(code, segment).is_none();
                in_scan = code == SCAN;
                at += 2 + length;
            }
            // Garbage between segments is skipped, as decoders do.
            _ if in_scan || first != 0xff || code == 0xff => at += 1,
            _ => at += 2,
        }
    }
    match headers.is_last_scan() {
        true => Ending::InLastScan,
        false => Ending::Cut,
    }
}

/// Versions of `bytes`, which end in their last scan, with an end marker and different bits where bits are
/// missing. If none are, all decode to one picture.
pub(super) fn fillers(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    // A marker may be cut in two.
    let whole = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    // Zeros are valid codes in every table; the others differ from them in every second bit.
    [0x00, 0x55, 0xaa, 0x6d].into_iter().map(move |filler| {
        let mut version = whole.to_vec();
        version.extend(std::iter::repeat_n(filler, 1024));
        version.extend([0xff, END]);
        version
    })
}

impl Headers {
    /// `None` if the segment makes no sense.
    fn read(&mut self, code: u8, segment: &[u8]) -> Option<()> {
        match code {
            // The frames that have a decoder: baseline, extended and progressive.
            0xc0..=0xc2 => {
                let frame = Frame::read(segment)?;
                self.missing = vec![[u8::MAX; 64]; frame.components.len()];
                self.frame = Some(frame);
            }
            RESTART_INTERVAL => {
                let &[high, low] = segment.get(..2)? else {
                    return None;
                };
                self.restart_interval = u32::from(u16::from_be_bytes([high, low]));
            }
            SCAN => self.begin_scan(segment)?,
            _ => {}
        }
        Some(())
    }

    fn begin_scan(&mut self, segment: &[u8]) -> Option<()> {
        let frame = self.frame.as_ref()?;
        let (n_components, rest) = segment.split_first()?;
        let (selectors, rest) = rest.split_at_checked(2 * usize::from(*n_components))?;
        let &[first, last, bits] = rest.get(..3)? else {
            return None;
        };
        let mut in_scan = Vec::new();
        for selector in selectors.chunks(2) {
            let index = (frame.components.iter()).position(|c| c.id == selector[0])?;
            let coefficients = usize::from(first)..=usize::from(last);
            self.missing[index].get_mut(coefficients)?.fill(bits & 0x0f);
            in_scan.push(&frame.components[index]);
        }
        let n_units = frame.n_units(&in_scan)?;
        self.scan = Some(Scan {
            n_restarts_expected: match self.restart_interval {
                0 => 0,
                interval => n_units.div_ceil(interval).saturating_sub(1),
            },
            n_restarts: 0,
        });
        Some(())
    }

    /// Whether all coefficients have had their last scan, or have it now, up to its last restart.
    fn is_last_scan(&self) -> bool {
        let is_complete = self.missing.iter().flatten().all(|bits| *bits == 0);
        let scan = self.scan.as_ref();
        is_complete
            && !self.is_odd
            && scan.is_some_and(|scan| scan.n_restarts >= scan.n_restarts_expected)
    }
}

impl Frame {
    fn read(segment: &[u8]) -> Option<Self> {
        let &[_bits, h1, h0, w1, w0, n_components] = segment.get(..6)? else {
            return None;
        };
        let components = segment.get(6..6 + 3 * usize::from(n_components))?;
        let components: Vec<Component> = components
            .chunks(3)
            .map(|c| Component {
                id: c[0],
                horizontal: u32::from(c[1] >> 4).max(1),
                vertical: u32::from(c[1] & 0x0f).max(1),
            })
            .collect();
        Some(Self {
            width: u32::from(u16::from_be_bytes([w1, w0])),
            height: u32::from(u16::from_be_bytes([h1, h0])),
            components,
        })
    }

    /// Units that a scan of these components has: blocks if there is one, interleaved units otherwise.
    ///
    /// # Source
    /// ITU-T T.81, sections A.1.1 and A.2.
    fn n_units(&self, in_scan: &[&Component]) -> Option<u32> {
        let most = |of: fn(&Component) -> u32| self.components.iter().map(of).max();
        let (widest, highest) = (most(|c| c.horizontal)?, most(|c| c.vertical)?);
        Some(match in_scan {
            [only] => {
                let width = (self.width * only.horizontal).div_ceil(widest);
                let height = (self.height * only.vertical).div_ceil(highest);
                width.div_ceil(8) * height.div_ceil(8)
            }
            _ => self.width.div_ceil(8 * widest) * self.height.div_ceil(8 * highest),
        })
    }
}
