//! What a model is run on.

use std::fmt;

/// What a model is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Device {
    /// The first of the others that the loaded ONNX Runtime can use, and the processor if none can.
    Auto,
    /// The processor.
    Cpu,
    /// A graphics processor of NVIDIA.
    Cuda,
    /// What Apple's Core ML chooses.
    #[value(name = "coreml")]
    CoreMl,
    /// What Intel's OpenVINO chooses.
    #[value(name = "openvino")]
    OpenVino,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::CoreMl => "coreml",
            Self::OpenVino => "openvino",
        })
    }
}
