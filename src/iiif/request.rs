//! Image API requests: `{region}/{size}/{rotation}/{quality}.{format}`, and what they mean for an
//! image of a given size; pure.
//!
//! Image API 3.0, sections 4.1 to 4.5; of Image API 2 the size `full` is understood as well.

/// A request for an image, not yet held against the image's size.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRequest {
    region: Region,
    size: Size,
    /// Whether the size begins with `^`: upscaling allowed.
    upscale: bool,
    /// Mirrored at the vertical axis, before rotation.
    pub mirror: bool,
    /// Clockwise rotation in steps of 90 degrees, 0 to 3.
    pub quarter_turns: u8,
    /// Colours of the result.
    pub quality: Quality,
    /// File format of the result.
    pub format: Format,
}

/// Colours of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// As the image has them.
    Color,
    /// Shades of grey.
    Gray,
}

/// File format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpg,
    /// PNG.
    Png,
}

/// What is cut out of an image, and the size it is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Left edge in the image, pixels.
    pub x: u32,
    /// Upper edge in the image, pixels.
    pub y: u32,
    /// Width of the region, pixels.
    pub width: u32,
    /// Height of the region, pixels.
    pub height: u32,
    /// Width of the result before rotation, pixels.
    pub out_width: u32,
    /// Height of the result before rotation, pixels.
    pub out_height: u32,
}

/// Why a request has no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request is wrong, or names a value that is not offered.
    #[error("{0}")]
    Bad(String),
    /// The request is right, but asks for what this server cannot do.
    #[error("{0}")]
    NotImplemented(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Region {
    Full,
    Square,
    Pixels([u32; 4]),
    Percent([f64; 4]),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Size {
    Max,
    Width(u32),
    Height(u32),
    Percent(f64),
    Exact(u32, u32),
    Within(u32, u32),
}

impl ImageRequest {
    /// Reads the four last segments of a request URL, percent-decoded.
    ///
    /// # Errors
    /// [`RequestError::Bad`] names the segment that is not understood.
    pub fn parse(
        region: &str,
        size: &str,
        rotation: &str,
        file: &str,
    ) -> Result<Self, RequestError> {
        let bad = |what: &str, text: &str| RequestError::Bad(format!("{text} is not a {what}"));
        let (scale, upscale) = match size.strip_prefix('^') {
            Some(rest) => (rest, true),
            None => (size, false),
        };
        let (degrees, mirror) = match rotation.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (rotation, false),
        };
        let quarter_turns = match degrees.parse::<f64>() {
            Ok(0.0 | 360.0) => 0,
            Ok(90.0) => 1,
            Ok(180.0) => 2,
            Ok(270.0) => 3,
            _ => return Err(bad("rotation by 0, 90, 180 or 270", rotation)),
        };
        let (quality, format) = file
            .split_once('.')
            .ok_or_else(|| bad("quality with a format (default.jpg)", file))?;
        Ok(Self {
            region: Region::parse(region).ok_or_else(|| bad("region", region))?,
            size: Size::parse(scale).ok_or_else(|| bad("size", size))?,
            upscale,
            mirror,
            quarter_turns,
            quality: match quality {
                "default" | "color" => Quality::Color,
                "gray" => Quality::Gray,
                _ => return Err(bad("quality of default, color and gray", quality)),
            },
            format: match format {
                "jpg" => Format::Jpg,
                "png" => Format::Png,
                _ => return Err(bad("format of jpg and png", format)),
            },
        })
    }

    /// What the request means for an image of `width` x `height` pixels, when no result may have
    /// more than `max_area` pixels.
    ///
    /// # Errors
    /// [`RequestError::Bad`] if the region is outside the image or the size is out of bounds,
    /// [`RequestError::NotImplemented`] if the region would have to be enlarged.
    pub fn frame(&self, width: u32, height: u32, max_area: u64) -> Result<Frame, RequestError> {
        let [x, y, w, h] = self.region.within(width, height).ok_or_else(|| {
            RequestError::Bad(format!(
                "the region is outside the image of {width} x {height}"
            ))
        })?;
        let (out_width, out_height) = self.size.of(w, h, self.upscale, max_area);
        if out_width == 0 || out_height == 0 {
            return Err(RequestError::Bad(
                "the size is less than a pixel".to_owned(),
            ));
        }
        if out_width > w || out_height > h {
            let text = format!("{out_width} x {out_height} is more than the region's {w} x {h}");
            return Err(if self.upscale {
                RequestError::NotImplemented(format!("{text}, and this server does not enlarge"))
            } else {
                RequestError::Bad(text)
            });
        }
        if self.upscale && self.size == Size::Max {
            return Err(RequestError::NotImplemented(
                "this server does not enlarge".to_owned(),
            ));
        }
        if u64::from(out_width) * u64::from(out_height) > max_area {
            return Err(RequestError::Bad(format!(
                "{out_width} x {out_height} is more than {max_area} pixels"
            )));
        }
        Ok(Frame {
            x,
            y,
            width: w,
            height: h,
            out_width,
            out_height,
        })
    }
}

/// Width and height of a region, as requests write it, of an image of `width` x `height` pixels; none if it cannot be
/// read or is outside.
#[must_use]
pub fn region_size(region: &str, width: u32, height: u32) -> Option<(u32, u32)> {
    let [_, _, w, h] = Region::parse(region)?.within(width, height)?;
    Some((w, h))
}

impl Region {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "square" => Some(Self::Square),
            _ => match text.strip_prefix("pct:") {
                Some(numbers) => {
                    let numbers: [f64; 4] = four(numbers)?;
                    let usable = |n: &f64| (0.0..f64::from(u32::MAX)).contains(n);
                    numbers.iter().all(usable).then_some(Self::Percent(numbers))
                }
                None => four(text).map(Self::Pixels),
            },
        }
    }

    /// `[x, y, width, height]` in pixels, cut at the edges; `None` if nothing is left.
    fn within(self, width: u32, height: u32) -> Option<[u32; 4]> {
        let [x, y, w, h] = match self {
            Self::Full => [0, 0, width, height],
            Self::Square => {
                let side = width.min(height);
                [(width - side) / 2, (height - side) / 2, side, side]
            }
            Self::Pixels(pixels) => pixels,
            Self::Percent([x, y, w, h]) => [
                round(x / 100.0 * f64::from(width)),
                round(y / 100.0 * f64::from(height)),
                round(w / 100.0 * f64::from(width)),
                round(h / 100.0 * f64::from(height)),
            ],
        };
        let w = w.min(width.checked_sub(x)?);
        let h = h.min(height.checked_sub(y)?);
        (w > 0 && h > 0).then_some([x, y, w, h])
    }
}

impl Size {
    fn parse(text: &str) -> Option<Self> {
        if matches!(text, "max" | "full") {
            return Some(Self::Max);
        }
        if let Some(percent) = text.strip_prefix("pct:") {
            let percent: f64 = percent.parse().ok()?;
            let usable = percent > 0.0 && percent < f64::from(u32::MAX);
            return usable.then_some(Self::Percent(percent));
        }
        let (within, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (width, height) = text.split_once(',')?;
        match (within, width, height) {
            (false, width, "") => Some(Self::Width(width.parse().ok()?)),
            (false, "", height) => Some(Self::Height(height.parse().ok()?)),
            (false, width, height) => Some(Self::Exact(width.parse().ok()?, height.parse().ok()?)),
            (true, width, height) => Some(Self::Within(width.parse().ok()?, height.parse().ok()?)),
        }
    }

    /// The result's size for a region of `w` x `h` pixels.
    fn of(self, w: u32, h: u32, upscale: bool, max_area: u64) -> (u32, u32) {
        let (width, height) = (f64::from(w), f64::from(h));
        // A side that follows from the other is never rounded away.
        let scaled = |factor: f64| (round(width * factor).max(1), round(height * factor).max(1));
        match self {
            Self::Max => {
                #[expect(clippy::cast_precision_loss, reason = "areas are far below 2^52")]
                let factor = (max_area as f64 / (width * height)).sqrt();
                if factor >= 1.0 {
                    (w, h)
                } else {
                    let fit = |side: f64| floor(side * factor).max(1);
                    (fit(width), fit(height))
                }
            }
            Self::Width(0) | Self::Height(0) => (0, 0),
            Self::Width(n) => (n, scaled(f64::from(n) / width).1),
            Self::Height(n) => (scaled(f64::from(n) / height).0, n),
            Self::Percent(n) => scaled(n / 100.0),
            Self::Exact(w, h) => (w, h),
            Self::Within(0, _) | Self::Within(_, 0) => (0, 0),
            // "As large as possible but not larger than the extracted region": no error, as with
            // the other sizes, but the region itself.
            Self::Within(max_width, max_height) => {
                let fit = (f64::from(max_width) / width).min(f64::from(max_height) / height);
                let fit = if upscale { fit } else { fit.min(1.0) };
                let (fit_width, fit_height) = scaled(fit);
                (fit_width.min(max_width), fit_height.min(max_height))
            }
        }
    }
}

fn four<T: std::str::FromStr>(text: &str) -> Option<[T; 4]> {
    let numbers: Vec<T> = text
        .split(',')
        .map(|n| n.parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and what is too large is refused by its size"
)]
fn round(x: f64) -> u32 {
    x.round() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and what is too large is refused by its size"
)]
fn floor(x: f64) -> u32 {
    x.floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x,y,w,h → w x h` of the request `region/size` on an image of 300 x 200, or the error.
    fn frame(region_and_size: &str) -> Result<String, RequestError> {
        let (region, size) = region_and_size.split_once('/').unwrap();
        let frame =
            ImageRequest::parse(region, size, "0", "default.jpg")?.frame(300, 200, 50_000)?;
        let Frame {
            x,
            y,
            width,
            height,
            out_width,
            out_height,
        } = frame;
        Ok(format!("{x},{y},{width},{height} {out_width}x{out_height}"))
    }

    #[test]
    fn regions_and_sizes_mean_what_the_specification_says() {
        for (request, expected) in [
            // 60,000 pixels are more than the server gives.
            ("full/max", "0,0,300,200 273x182"),
            ("full/full", "0,0,300,200 273x182"),
            ("square/max", "50,0,200,200 200x200"),
            ("10,20,30,40/max", "10,20,30,40 30x40"),
            ("290,190,50,50/max", "290,190,10,10 10x10"),
            ("pct:50,50,25,25/max", "150,100,75,50 75x50"),
            ("pct:41.6,7.5,40,70/max", "125,15,120,140 120x140"),
            ("full/150,", "0,0,300,200 150x100"),
            ("full/,50", "0,0,300,200 75x50"),
            ("full/1,", "0,0,300,200 1x1"),
            ("full/pct:10", "0,0,300,200 30x20"),
            ("full/30,100", "0,0,300,200 30x100"),
            ("full/!90,90", "0,0,300,200 90x60"),
            ("10,20,30,40/!900,900", "10,20,30,40 30x40"),
            ("full/^150,", "0,0,300,200 150x100"),
            ("full/^!90,90", "0,0,300,200 90x60"),
        ] {
            assert_eq!(frame(request).as_deref(), Ok(expected), "{request}");
        }
    }

    #[test]
    fn wrong_requests_are_400_and_enlarging_is_501() {
        for request in [
            "300,0,10,10/max",
            "0,0,0,10/max",
            "full/0,",
            "full/301,",
            "full/,201",
            "full/301,20",
            "full/pct:101",
            "full/pct:0",
            "full/300,200",
            "fool/max",
            "1,2,3/max",
            "1,2,3,4,5/max",
            "-1,0,10,10/max",
            "pct:-1,0,10,10/max",
            "pct:NaN,0,10,10/max",
            "pct:0,0,1e400,1/max",
            "full/maximum",
            "full/,",
            "full/!5,",
            "full/99999999999,",
        ] {
            assert!(
                matches!(frame(request), Err(RequestError::Bad(_))),
                "{request}"
            );
        }
        for request in [
            "full/^301,",
            "full/^max",
            "full/^pct:150",
            "square/^!900,900",
        ] {
            assert!(
                matches!(frame(request), Err(RequestError::NotImplemented(_))),
                "{request}"
            );
        }
    }

    #[test]
    fn rotation_quality_and_format() {
        let parse = |rotation, file| ImageRequest::parse("full", "max", rotation, file);
        let request = parse("!90", "gray.png").unwrap();
        assert!(request.mirror);
        assert_eq!(request.quarter_turns, 1);
        assert_eq!(
            (request.quality, request.format),
            (Quality::Gray, Format::Png)
        );
        for (rotation, file) in [
            ("45", "default.jpg"),
            ("-90", "default.jpg"),
            ("x", "default.jpg"),
            ("0", "default"),
            ("0", "bitonal.jpg"),
            ("0", "default.webp"),
        ] {
            assert!(
                matches!(parse(rotation, file), Err(RequestError::Bad(_))),
                "{rotation} {file}"
            );
        }
    }
}
