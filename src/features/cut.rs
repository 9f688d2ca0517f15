//! Mapped files that are cut off while they are read: the system answers a read of a page that the file no longer has
//! with SIGBUS, which ends the process. Here such a page becomes zeros, and whoever has read it is told.
//!
//! Only pages of watched maps are treated so; for any other the handler that was there before has its turn.
#![expect(
    unsafe_code,
    reason = "a signal handler, and pages put in the place of others, are the system's calls"
)]

use libc::{c_int, c_void, sigaction, siginfo_t};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A map that is watched for as long as this exists.
pub(super) struct Watch(&'static Place);

/// Where a watched map lies. A signal handler must not take locks, so there is a fixed number of places.
struct Place {
    is_taken: AtomicBool,
    /// 0 while there is none.
    start: AtomicUsize,
    end: AtomicUsize,
    is_cut: AtomicBool,
}

static PLACES: [Place; 64] = [const {
    Place {
        is_taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        is_cut: AtomicBool::new(false),
    }
}; 64];

/// The handler before ours, once ours is in place; `None` if it cannot be put there.
static BEFORE: OnceLock<Option<sigaction>> = OnceLock::new();

/// Bytes of a page.
static PAGE: AtomicUsize = AtomicUsize::new(0);

impl Watch {
    /// Watches over `bytes`, a map of its own; `None` if all places are taken or the system does not let us.
    pub(super) fn over(bytes: &[u8]) -> Option<Self> {
        BEFORE.get_or_init(install).as_ref()?;
        let place = PLACES.iter().find(|place| {
            (place.is_taken)
                .compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        })?;
        let start = bytes.as_ptr().expose_provenance();
        place.is_cut.store(false, Ordering::Release);
        place.end.store(start + bytes.len(), Ordering::Release);
        place.start.store(start, Ordering::Release);
        Some(Self(place))
    }

    /// Whether a page was read that is gone.
    pub(super) fn is_cut(&self) -> bool {
        self.0.is_cut.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.start.store(0, Ordering::Release);
        self.0.end.store(0, Ordering::Release);
        self.0.is_taken.store(false, Ordering::Release);
    }
}

/// Puts our handler in its place and gives the one that was there.
fn install() -> Option<sigaction> {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE.store(
        usize::try_from(page).ok().filter(|page| *page > 0)?,
        Ordering::Release,
    );
    // SAFETY: zeros are a valid sigaction; the handler has the signature that SA_SIGINFO asks for and calls only what
    // is safe in a handler: atomics, mmap and sigaction, which are plain system calls.
    unsafe {
        let mut ours: sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_fault as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut ours.sa_mask);
        let mut before: sigaction = std::mem::zeroed();
        (libc::sigaction(libc::SIGBUS, &raw const ours, &raw mut before) == 0).then_some(before)
    }
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives a valid `info` with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() }.addr();
    let found = PLACES.iter().find(|place| {
        let start = place.start.load(Ordering::Acquire);
        start != 0 && (start..place.end.load(Ordering::Acquire)).contains(&address)
    });
    match found {
        Some(place) if fill(address, place.end.load(Ordering::Acquire)) => {
            place.is_cut.store(true, Ordering::Release);
        }
        _ => hand_on(signal, info, context),
    }
}

/// Puts zeros in the place of all that is mapped from the page of `address` to `end`: what follows a page that is gone
/// is gone as well.
fn fill(address: usize, end: usize) -> bool {
    let page = PAGE.load(Ordering::Acquire);
    let start = address / page * page;
    // SAFETY: the pages are part of a map of ours, of which nobody else has a part, and are read only.
    let put = unsafe {
        libc::mmap(
            std::ptr::with_exposed_provenance_mut(start),
            end - start,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    put != libc::MAP_FAILED
}

/// Does what would be done without us.
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let before = BEFORE.get().copied().flatten();
    match before {
        Some(before)
            if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN =>
        {
            // SAFETY: the address was given to the system as a handler, by whether SA_SIGINFO is set of one signature
            // or the other.
            unsafe {
                if before.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                        std::mem::transmute(before.sa_sigaction);
                    handler(signal, info, context);
                } else {
                    let handler: extern "C" fn(c_int) = std::mem::transmute(before.sa_sigaction);
                    handler(signal);
                }
            }
        }
        // The read is tried again and then ends the process, as it must.
        _ => {
            // SAFETY: zeros are a valid sigaction, and stand for the system's own way.
            unsafe {
                let default: sigaction = std::mem::zeroed();
                libc::sigaction(signal, &raw const default, std::ptr::null_mut());
            }
        }
    }
}
