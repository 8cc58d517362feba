//! UNSAFE. What Linux says in `/proc`, asked of the kernel of macOS.

/// Differs from boot to boot.
pub fn boot_id() -> String {
    let mut text = [0u8; 64];
    let mut length = text.len();
    // SAFETY: the name is NUL-terminated, and the place as long as is said.
    let failed = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = text.get(..length).filter(|_| failed == 0);
    String::from_utf8_lossy(text.unwrap_or_default())
        .trim_end_matches('\0')
        .into()
}

/// When process `pid` started, in hundredths of a second; None when there is none, or only its remains.
pub fn start_ticks(pid: u32) -> Option<u64> {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid != 0)?;
    // SAFETY: all zeros is a valid record, which is as long as is said.
    let found = unsafe {
        let mut found: libc::proc_bsdinfo = std::mem::zeroed();
        let size = size_of_val(&found) as libc::c_int;
        let place: *mut libc::proc_bsdinfo = &mut found;
        let written = libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, place.cast(), size);
        (written == size).then_some(found)
    }?;
    let start = found.pbi_start_tvsec * 100 + found.pbi_start_tvusec / 10_000;
    (found.pbi_status != libc::SZOMB).then_some(start)
}
