//! Which machine this is, and which processes are alive on it.

use std::sync::OnceLock;

/// The machine's name, or `unknown`.
#[must_use]
pub fn name() -> String {
    #[cfg(unix)]
    let name = Some(rustix::system::uname().nodename().to_string_lossy().into_owned());
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok();
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// The boot of the machine this process runs in, where the system says it. Read once.
pub fn boot_id() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let text = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(text.trim().to_owned()).filter(|id| !id.is_empty())
    };
    BOOT.get_or_init(read).as_deref()
}

/// Is the process alive that had this number in that boot?
///
/// A number may have been given to another process since, so that this may say yes of one that is gone; where the
/// system cannot be asked, it says no of all but this process.
#[must_use]
pub fn is_alive(pid: u32, boot: Option<&str>) -> bool {
    if boot != boot_id() {
        return false;
    }
    if pid == std::process::id() {
        return true;
    }
    #[cfg(unix)]
    {
        let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
        // Not being allowed to signal it means that it is there.
        !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
    }
    #[cfg(not(unix))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_of_another_boot_is_not() {
        assert!(is_alive(std::process::id(), boot_id()));
        assert!(!is_alive(std::process::id(), Some("another boot")));
        assert!(!is_alive(0, boot_id()));
        assert!(!name().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_ended_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!is_alive(child.id(), boot_id()));
    }
}
