//! What can go wrong: each variant says which argument, what was found and what is allowed.

use crate::cuda_error::CudaError;

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A mistake in the arguments, or a GPU that cannot do what it should. Shapes are (images, channels, height,
/// width).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The two inputs have different shapes.
    #[error("the inputs differ in shape: x is {}, y is {}", Shape(x), Shape(y))]
    ShapeMismatch {
        /// Shape of the first input.
        x: [usize; 4],
        /// Shape of the second input.
        y: [usize; 4],
    },
    /// The two inputs have element types of different ranges, and no data range was given.
    #[error("x is {x} and y is {y}, whose ranges differ: give the data range that both have")]
    TypeMismatch {
        /// Element type of the first input.
        x: &'static str,
        /// Element type of the second input.
        y: &'static str,
    },
    /// There are not as many channel weights as channels.
    #[error("{weights} channel weights for images of {channels} channels: there must be one for each channel")]
    ChannelWeights {
        /// Number of weights.
        weights: usize,
        /// Number of channels of the images.
        channels: usize,
    },
    /// An input has no pixel.
    #[error("{name} is empty, of shape {}: every extent must be at least 1", Shape(shape))]
    Empty {
        /// Which input: "x", "y", "the reference", or "the slice" of [`Images::from_slice`](crate::Images::from_slice).
        name: &'static str,
        /// Shape of the empty input.
        shape: [usize; 4],
    },
    /// `Padding::Valid` needs room for one whole window.
    #[error(
        "an image of {width}x{height} pixels{} is smaller than the {window}x{window} window: \
         valid padding needs at least one whole window (zero padding takes any size)",
        Downsampled([*width, *height], *factor)
    )]
    SmallerThanWindow {
        /// Width of the image in pixels.
        width: usize,
        /// Height of the image in pixels.
        height: usize,
        /// Side of the window in pixels.
        window: usize,
        /// By how much the image is made smaller first (see [`Downsampling`](crate::Downsampling)); 1 where it is not.
        factor: usize,
    },
    /// The window has no centre pixel, or is too large.
    #[error("a window of {size} pixels: it must be odd and from 1 to {max}")]
    WindowSize {
        /// The size that was asked for.
        size: usize,
        /// The largest size allowed.
        max: usize,
    },
    /// Weights that cannot be used: of a window, of channels, or of an image's pixels.
    #[error("{name} is {found}: it must be {allowed}")]
    Weights {
        /// Which weights.
        name: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// No preset has this name.
    #[error("there is no preset {name:?}: it must be one of {allowed}")]
    Preset {
        /// The name that was given.
        name: String,
        /// The names that there are.
        allowed: String,
    },
    /// A parameter is zero, negative, infinite, NaN or out of its range.
    #[error("{name} is {value}: it must be {allowed}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Which values are allowed.
        allowed: &'static str,
    },
    /// A slice does not hold as many elements as its shape and layout need.
    #[error(
        "a slice of {found} elements for shape {}: the layout needs {}{needed}",
        Shape(shape), if *exact { "exactly " } else { "at least " }
    )]
    SliceLength {
        /// The shape that was given.
        shape: [usize; 4],
        /// Elements needed.
        needed: usize,
        /// Whether more elements than needed are a mistake as well.
        exact: bool,
        /// Elements found.
        found: usize,
    },
    /// The number of elements, or of bytes, does not fit in the address space.
    #[error("shape {} is too large: the number of elements overflows", Shape(shape))]
    Overflow {
        /// The shape that was given.
        shape: [usize; 4],
    },
    /// An output buffer does not have the shape of the result, or weights or an upstream gradient do not have that of
    /// the images.
    #[error("{name} has shape {found:?}: it must be {expected:?}")]
    OutputShape {
        /// Which array: "scores", "channels", "gradient", "gradient_of_y", "map", "weights" or "the upstream gradient".
        name: &'static str,
        /// The shape that it must have.
        expected: Vec<usize>,
        /// The shape that it has.
        found: Vec<usize>,
    },
    /// An image with an alpha channel: transparency has no SSIM.
    #[error(
        "{name} has an alpha channel ({color}): drop it with `DropAlpha(&image)` \
         or blend it onto a colour with `composite(&image, color)`"
    )]
    Alpha {
        /// Which input: "x", "y" or "the reference".
        name: &'static str,
        /// The image's colour type.
        color: String,
    },
    /// A colour type that this version does not read.
    #[error("{name} has the colour type {color}, which is not supported: convert it to gray or RGB")]
    ColorType {
        /// Which input: "x", "y", "the reference", or "the image" to be composited.
        name: &'static str,
        /// The image's colour type.
        color: String,
    },
    /// A background colour component outside of 0 to 1.
    #[error("background colour {color:?}: each component must be from 0 to 1")]
    Background {
        /// The colour that was asked for.
        color: [f32; 3],
    },
    /// The CUDA backend is missing, lacks an option, or has failed.
    #[error(transparent)]
    Cuda(#[from] CudaError),
}

impl Error {
    /// The same mistake, found in the input of this name.
    pub(crate) fn in_input(mut self, input: &'static str) -> Self {
        if let Self::Empty { name, .. } | Self::Alpha { name, .. } | Self::ColorType { name, .. } = &mut self {
            *name = input;
        }
        self
    }
}

/// Prints a shape as `images x channels x height x width`.
struct Shape<'a>(&'a [usize; 4]);

impl std::fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [n, c, h, w] = self.0;
        write!(f, "{n}x{c}x{h}x{w} (images, channels, height, width)")
    }
}

/// Prints how large images of a width and height are once they have been made smaller by a factor other than 1.
struct Downsampled([usize; 2], usize);

impl std::fmt::Display for Downsampled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self([width, height], factor) = self;
        if *factor == 1 {
            return Ok(());
        }
        let [width, height] = [width, height].map(|extent| extent.div_ceil(*factor));
        write!(f, " ({width}x{height} once downsampled)")
    }
}
