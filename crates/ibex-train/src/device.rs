//! The devices of this machine by name: `Device::cpu()`.

use ibex_compile::Device;

/// Makes the devices of this machine.
pub trait DeviceExt {
    /// The processor with all its cores.
    fn cpu() -> Device;

    /// The processor with this many threads, the caller's included.
    fn cpu_threads(threads: usize) -> Device;
}

impl DeviceExt for Device {
    fn cpu() -> Device {
        ibex_cpu::device(None)
    }

    fn cpu_threads(threads: usize) -> Device {
        ibex_cpu::device(Some(threads))
    }
}
