//! tidegate as C programs have it: the functions of the built shared library.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions, as include/tidegate.h declares them, and one engine.
        pub struct Library {
            $($name: unsafe extern "C" fn($($argument),*) -> $result,)*
            engine: *mut c_void,
        }

        impl Library {
            /// Loads the library that `TIDEGATE_LIBRARY` names.
            pub fn load() -> Option<Self> {
                let path = CString::new(std::env::var("TIDEGATE_LIBRARY").ok()?).ok()?;
                // SAFETY: the path is NUL-terminated.
                let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
                assert!(!library.is_null(), "{path:?} cannot be loaded");
                let mut loaded = Library {
                    $($name: {
                        let name = concat!("tidegate_", stringify!($name), "\0");
                        // SAFETY: the name is NUL-terminated; the type is the header's.
                        unsafe {
                            let found = libc::dlsym(library, name.as_ptr().cast());
                            assert!(!found.is_null(), "{name} is missing");
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($argument),*) -> $result,
                            >(found)
                        }
                    },)*
                    engine: null_mut(),
                };
                // SAFETY: NULL is the default configuration.
                let status = unsafe { (loaded.engine_open)(null(), &mut loaded.engine) };
                assert_eq!(status, 0);
                Some(loaded)
            }
        }
    };
}

functions! {
    abi_version: fn() -> u32;
    last_error: fn(*mut c_char, usize) -> usize;
    engine_open: fn(*const c_char, *mut *mut c_void) -> c_int;
    counter_open: fn(*mut c_void, *const c_char, *const c_char, *mut u64) -> c_int;
    counter_add: fn(*mut c_void, u64, u64) -> c_int;
    histogram_open: fn(*mut c_void, *const c_char, *const c_char, *mut u64) -> c_int;
    histogram_record: fn(*mut c_void, u64, f64) -> c_int;
    histogram_quantiles: fn(*mut c_void, u64, f64, *const f64, usize, *mut f64) -> c_int;
    record_metric: fn(*mut c_void, *const c_char, f64) -> c_int;
    limiter_open: fn(*mut c_void, *const c_char, *const c_char, *mut u64) -> c_int;
    limiter_check: fn(*mut c_void, u64, *const c_char, usize, u32, *mut c_void) -> c_int;
}

// SAFETY: the header says of each of these functions that any thread may call it.
unsafe impl Sync for Library {}

impl Library {
    fn id(
        &self,
        open: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, *mut u64) -> c_int,
        name: &str,
        config: Option<&str>,
    ) -> u64 {
        let name = CString::new(name).expect("no NUL in a name");
        let config = config.map(|text| CString::new(text).expect("no NUL in a configuration"));
        let config = config.as_ref().map_or(null(), |text| text.as_ptr());
        let mut id = 0;
        // SAFETY: both texts are NUL-terminated; ids are structs of one 64-bit integer.
        let status = unsafe { open(self.engine, name.as_ptr(), config, &mut id) };
        assert_eq!(status, 0, "{}", self.error());
        id
    }

    fn error(&self) -> String {
        let mut text = [0; 256];
        // SAFETY: the buffer has the length that is said.
        unsafe { (self.last_error)(text.as_mut_ptr().cast(), text.len()) };
        CStr::from_bytes_until_nul(&text)
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// An empty call.
    #[inline(always)]
    pub fn nothing(&self) -> u32 {
        // SAFETY: it takes nothing.
        unsafe { (self.abi_version)() }
    }

    pub fn counter(&self, name: &str) -> u64 {
        self.id(self.counter_open, name, None)
    }

    #[inline(always)]
    pub fn add(&self, counter: u64) -> c_int {
        // SAFETY: the engine is open.
        unsafe { (self.counter_add)(self.engine, counter, 1) }
    }

    pub fn histogram(&self, name: &str) -> u64 {
        self.id(self.histogram_open, name, None)
    }

    #[inline(always)]
    pub fn record(&self, histogram: u64, value: f64) -> c_int {
        // SAFETY: the engine is open.
        unsafe { (self.histogram_record)(self.engine, histogram, value) }
    }

    #[inline(always)]
    pub fn quantiles(&self, histogram: u64, window: f64, quantiles: &[f64], out: &mut [f64]) {
        let (from, to) = (quantiles.as_ptr(), out.as_mut_ptr());
        // SAFETY: both arrays have `quantiles.len()` elements.
        unsafe {
            (self.histogram_quantiles)(self.engine, histogram, window, from, out.len(), to);
        }
    }

    #[inline(always)]
    pub fn record_by_name(&self, name: &CStr, value: f64) -> c_int {
        // SAFETY: the name is NUL-terminated.
        unsafe { (self.record_metric)(self.engine, name.as_ptr(), value) }
    }

    pub fn limiter(&self, name: &str, config: &str) -> u64 {
        self.id(self.limiter_open, name, Some(config))
    }

    #[inline(always)]
    pub fn check(&self, limiter: u64, key: Option<&[u8]>, cost: u32) -> c_int {
        let (at, length) = key.map_or((null(), 0), |key| (key.as_ptr().cast(), key.len()));
        // SAFETY: the key has the length that is said.
        unsafe { (self.limiter_check)(self.engine, limiter, at, length, cost, null_mut()) }
    }
}
