//! ONNX Runtime's execution providers: what a library has depends on how it was built.

use super::EncoderOptions;
use super::session::{self, SharedSession};
use super::threads::{Aim, Threads};
use crate::encoder::device::Device;
use crate::encoder::model::ModelError;
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use std::path::Path;

/// The sessions of both towers; they may be one.
pub(super) struct Running {
    pub(super) text: SharedSession,
    pub(super) vision: SharedSession,
}

/// In the order in which [`Device::Auto`] tries them.
const ACCELERATORS: [Device; 3] = [Device::Cuda, Device::CoreMl, Device::OpenVino];

/// Loads the files of the text and the image tower on the device that the options name; returns which that is.
///
/// # Errors
/// [`ModelError::NoDevice`] and [`ModelError::DeviceFails`] for a device that is asked for by name; else what is
/// wrong with the files.
pub(super) fn load(
    files: &[&Path; 2],
    options: &EncoderOptions,
) -> Result<(Running, Device), ModelError> {
    session::environment(options.runtime_library.as_deref())?;
    let on = |device| load_on(device, files, options);
    match options.device {
        Device::Cpu => Ok((on(Device::Cpu)?, Device::Cpu)),
        Device::Auto => {
            for device in ACCELERATORS.into_iter().filter(|device| is_there(*device)) {
                match on(device) {
                    Ok(running) => {
                        tracing::info!("the model runs on {device}");
                        return Ok((running, device));
                    }
                    Err(error) => {
                        let reason = source_of(&error);
                        tracing::warn!("the model cannot run on {device}: {reason}");
                    }
                }
            }
            tracing::info!("the model runs on {}", Device::Cpu);
            Ok((on(Device::Cpu)?, Device::Cpu))
        }
        wanted @ (Device::Cuda | Device::CoreMl | Device::OpenVino) => {
            if !is_there(wanted) {
                let others = ACCELERATORS.into_iter().filter(|device| is_there(*device));
                return Err(ModelError::NoDevice {
                    wanted,
                    available: [Device::Cpu].into_iter().chain(others).collect(),
                });
            }
            match on(wanted) {
                Ok(running) => Ok((running, wanted)),
                Err(error) => Err(ModelError::DeviceFails {
                    device: wanted,
                    source: Box::new(error),
                }),
            }
        }
    }
}

fn source_of(error: &ModelError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn load_on(
    device: Device,
    [text, vision]: &[&Path; 2],
    options: &EncoderOptions,
) -> Result<Running, ModelError> {
    let provider = provider(device);
    let load =
        |file: &Path, threads| SharedSession::load(file, options, threads, provider.as_ref());
    let together = Threads::together(options.threads);
    let for_images = match options.aim {
        // An accelerator is one, however many copies of the weights are in its memory.
        Aim::Many if device == Device::Cpu => Threads::apart(options.threads, vision),
        Aim::Many | Aim::Soon => together,
    };
    Ok(match text == vision {
        true => {
            let both = load(vision, for_images)?;
            Running {
                text: both.clone(),
                vision: both,
            }
        }
        false => Running {
            text: load(text, together)?,
            vision: load(vision, for_images)?,
        },
    })
}

/// Whether the loaded library was built for `device`; a library that cannot say so was not.
fn is_there(device: Device) -> bool {
    let is_there = match device {
        Device::Auto | Device::Cpu => return true,
        Device::Cuda => ep::CUDA::is_available(),
        Device::CoreMl => ep::CoreML::is_available(),
        Device::OpenVino => ep::OpenVINO::is_available(),
    };
    is_there.unwrap_or(false)
}

fn provider(device: Device) -> Option<ExecutionProviderDispatch> {
    match device {
        Device::Auto | Device::Cpu => None,
        // TF32 has ten bits of fraction: its vectors would not be those of a processor.
        Device::Cuda => Some(ep::CUDA::default().with_tf32(false).build()),
        Device::CoreMl => Some(ep::CoreML::default().build()),
        Device::OpenVino => Some(ep::OpenVINO::default().build()),
    }
}
