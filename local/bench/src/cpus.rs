//! Who runs on which CPU: what is measured on one of its own, all else on another.

use std::io;

/// The two CPUs of a measurement; the same one twice on a machine that has no second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus {
    /// Where what is measured runs.
    pub measured: usize,
    /// Where the driver and the stub of AWS run.
    pub driver: usize,
}

impl Cpus {
    /// Takes the first and the last of the CPUs that this process may use. The first is the
    /// driver's, since devices mostly interrupt there.
    ///
    /// # Errors
    /// When the system does not say which CPUs there are.
    pub fn choose() -> io::Result<Self> {
        let allowed = system::allowed()?;
        let first = allowed.first().copied().unwrap_or_default();
        Ok(Self {
            measured: allowed.last().copied().unwrap_or(first),
            driver: first,
        })
    }
}

impl Cpus {
    /// Whether the driver has a CPU to itself.
    pub fn are_two(self) -> bool {
        self.measured != self.driver
    }

    /// Both.
    pub fn both(self) -> [usize; 2] {
        [self.measured, self.driver]
    }
}

/// Keeps the calling thread, and the threads and processes that it starts from now on, on a CPU.
///
/// # Errors
/// When the system refuses.
pub fn stay_on(cpu: usize) -> io::Result<()> {
    system::set(&[cpu])
}

/// Does something on these CPUs, e.g. starts a process that then stays there. The calling thread goes
/// back to its own afterwards.
///
/// # Errors
/// When the system refuses.
pub fn on<T>(cpus: &[usize], work: impl FnOnce() -> T) -> io::Result<T> {
    let own = system::allowed()?;
    system::set(cpus)?;
    let result = work();
    system::set(&own)?;
    Ok(result)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn allowed() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .collect())
    }

    pub(super) fn set(cpus: &[usize]) -> io::Result<()> {
        let mut set = CpuSet::new();
        cpus.iter().for_each(|cpu| set.set(*cpu));
        Ok(sched_setaffinity(None, &set)?)
    }
}

/// Other systems do not let a thread be pinned: figures are then noisier.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(super) fn allowed() -> io::Result<Vec<usize>> {
        Ok((0..std::thread::available_parallelism()?.get()).collect())
    }

    pub(super) fn set(_: &[usize]) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_goes_where_it_is_told_and_back() {
        let before = system::allowed().unwrap();
        let cpus = Cpus::choose().unwrap();
        let there = on(&[cpus.measured], || system::allowed().unwrap()).unwrap();
        assert_eq!(there, [cpus.measured]);
        assert_eq!(system::allowed().unwrap(), before);
    }
}
