//! The operator's colour, made readable: text in it and on it has the contrast that WCAG 2.2 asks for.

use std::str::FromStr;

/// Least contrast of text (WCAG 2.2, success criterion 1.4.3, level AA).
const CONTRAST: f64 = 4.5;

/// What stands behind the colour in the light and in the dark theme of `web/src/common/theme.css`.
const GROUNDS: [[u8; 3]; 2] = [[0xff, 0xff, 0xff], [0x16, 0x15, 0x14]];

/// Steps between a colour and black or white.
const STEPS: u16 = 100;

/// A colour as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent([u8; 3]);

impl FromStr for Accent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let colour = digits.and_then(|digits| {
            let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            Some([channel(0)?, channel(2)?, channel(4)?]).filter(|_| is_hex)
        });
        colour
            .map(Self)
            .ok_or_else(|| "write the colour as # and six hex digits, such as #1a5fb4".to_owned())
    }
}

impl Accent {
    /// The style that carries the colour, as it is or, where it could not be read, as near as it can be.
    pub(super) fn style(self) -> String {
        let [light, dark] = GROUNDS.map(|ground| hex(readable(self.0, ground)));
        format!(":root{{--accent:{light};--accent-dark:{dark}}}")
    }
}

/// The nearest colour to `colour`, towards the end that is away from `ground`, that can be read on it.
fn readable(colour: [u8; 3], ground: [u8; 3]) -> [u8; 3] {
    let end = if luminance(ground) > 0.5 { 0 } else { 255 };
    (0..=STEPS)
        .map(|step| colour.map(|channel| mixed(channel, end, step)))
        .find(|mixed| contrast(*mixed, ground) >= CONTRAST)
        .unwrap_or([end; 3])
}

/// `step` of [`STEPS`] from `from` to `to`.
fn mixed(from: u8, to: u8, step: u16) -> u8 {
    let sum = u16::from(from) * (STEPS - step) + u16::from(to) * step;
    u8::try_from(sum / STEPS).unwrap_or(to)
}

/// Contrast ratio, 1 to 21 (WCAG 2.2, "contrast ratio").
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, "relative luminance").
fn luminance(colour: [u8; 3]) -> f64 {
    let linear = colour.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn hex(colour: [u8; 3]) -> String {
    format!("#{}", crate::image_id::hex(&colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_checked() {
        assert_eq!("#1A5FB4".parse(), Ok(Accent([0x1a, 0x5f, 0xb4])));
        for text in [
            "1a5fb4",
            "#1a5",
            "#1a5fbg",
            "red",
            "#1a5fb4;}",
            "",
            "#+1+1+1",
            "#ééé",
        ] {
            assert!(text.parse::<Accent>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_colour_can_be_read_on_both_grounds() {
        for text in [
            "#ffff00", "#000000", "#ffffff", "#1a5fb4", "#8a2f1d", "#777777",
        ] {
            let Accent(colour) = text.parse().unwrap();
            for ground in GROUNDS {
                let found = contrast(readable(colour, ground), ground);
                assert!(found >= CONTRAST, "{text} on {ground:?}: {found}");
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays() {
        let style = "#1a5fb4".parse::<Accent>().unwrap().style();
        assert!(
            style.starts_with(":root{--accent:#1a5fb4;--accent-dark:#"),
            "{style}"
        );
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        // A pair that checkers give as 4.54.
        assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
    }
}
