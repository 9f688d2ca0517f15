//! What the files of a data directory are called that `build` writes and a [`Collection`](crate::collection::Collection)
//! is opened from. Paths are relative to the directory. What only builds keep for themselves is named where it is kept.

/// The matrix.
pub const FEATURES: &str = "features/features.npy";
/// The matrix in a byte for each number, if `clip-search index` was asked for it.
pub const FEATURES_IN_BYTES: &str = "features/features.i8";
/// The matrix in lists of what is alike, if `clip-search index --approximate` was asked for it.
pub const FEATURES_IN_LISTS: &str = "features/features.ivf";
/// The ids of its rows.
pub const IMAGE_IDS: &str = "features/imageIds.csv";
/// The only column of [`IMAGE_IDS`].
pub const IMAGE_IDS_COLUMN: &str = "image_id";
/// Which model made it, and the checksums of the files.
pub const IDENTITY: &str = "features/features.json";
/// The images with their URLs.
pub const IMAGES: &str = "images.csv";
/// The column of [`IMAGES`] that holds the image id.
pub const ID_COLUMN: &str = "localIdentifier";
/// The column of [`IMAGES`] that holds the IIIF URL, unless another is named or found.
pub const URL_COLUMN: &str = "iiif_url";
/// The sizes of the images; collections of the Python service have none.
pub const SIZES: &str = "sizes.csv";
