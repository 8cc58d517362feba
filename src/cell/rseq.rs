//! UNSAFE. Adding to the current CPU's word in a restartable sequence (rseq).
//!
//! Linux promises: if a thread is moved to another CPU, preempted or signalled between the start
//! and the last instruction of a registered sequence, it continues at the abort address instead.
//! The last instruction here is the one store that commits, so a sequence either happened entirely
//! on one CPU or not at all, without a locked instruction: 2 ns instead of 6, and no contention.
//! A process killed inside a sequence has either added or not.
//!
//! glibc 2.35 and later registers each thread; the offset of its area from the thread pointer is
//! looked up at run time, so older systems load the library too. Where registration was refused
//! (valgrind, gVisor, `GLIBC_TUNABLES=glibc.pthread.rseq=0`) `cpu_id` is negative; the comparison
//! inside the sequence sends that, and any CPU beyond the planes, to the atomic word.
//! The kernel keeps a pointer to the last sequence that a thread used: the library must stay
//! loaded, and is linked with `-z nodelete`.

use crate::base::sync::{AtomicU64, Ordering};
use crate::region::raw::Words;

/// How this process reaches its CPUs' words.
#[derive(Clone, Copy, Debug)]
pub struct PerCpu {
    /// The thread's rseq area relative to its thread pointer; None where there is none.
    area: Option<isize>,
    stripes: u32,
}

/// A row of equal steps through the region: one word for each CPU.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// CPU 0's word.
    pub at: usize,
    /// Words from one CPU's to the next.
    pub stride: usize,
}

/// Rows side by side, one a column: checked once, so that adding costs one comparison.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    per_cpu: PerCpu,
    /// The atomic word of each column.
    shared: Words,
    /// The same columns for each CPU, one CPU's after the other's.
    cpus: Words,
}

impl Grid {
    /// The grid whose `columns` atomic words begin at `at`, with `per_cpu.stripes` times as many
    /// behind them; None when they do not exist.
    pub fn new(words: Words, at: usize, columns: usize, per_cpu: PerCpu) -> Option<Self> {
        let behind = columns.checked_mul(per_cpu.stripes as usize)?;
        Some(Grid {
            per_cpu,
            shared: words.part(at, columns)?,
            cpus: words.part(at.checked_add(columns)?, behind)?,
        })
    }

    /// A grid without columns: adding to it does nothing.
    pub fn empty(words: Words) -> Self {
        Grid {
            per_cpu: PerCpu::none(),
            shared: words.none(),
            cpus: words.none(),
        }
    }

    /// How this process reaches its CPUs' words.
    #[inline(always)]
    pub fn per_cpu(&self) -> PerCpu {
        self.per_cpu
    }

    /// Adds `amount` to this CPU's word of `column`, or atomically to the shared one.
    #[inline(always)]
    pub fn add(&self, column: usize, amount: u64) {
        let Some(shared) = self.shared.get(column) else {
            return;
        };
        match self.per_cpu.area {
            // SAFETY: `column` is below `columns`, and `cpus` has that many words for each stripe;
            // the area is the calling thread's.
            Some(area) => unsafe {
                let (area, base) = self.reach(area, column);
                arch::add(
                    area,
                    base,
                    self.stride(),
                    self.per_cpu.stripes,
                    shared,
                    amount,
                );
            },
            None => {
                shared.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    /// Adds `amount` to this CPU's double of `column`, or atomically to the shared one.
    #[inline(always)]
    pub fn add_f64(&self, column: usize, amount: f64) {
        let Some(shared) = self.shared.get(column) else {
            return;
        };
        match self.per_cpu.area {
            // SAFETY: as above.
            Some(area) => unsafe {
                let (area, base) = self.reach(area, column);
                arch::add_f64(
                    area,
                    base,
                    self.stride(),
                    self.per_cpu.stripes,
                    shared,
                    amount,
                );
            },
            None => add_f64(shared, amount),
        }
    }

    /// Bytes from one CPU's word to the next one's.
    #[inline(always)]
    fn stride(&self) -> usize {
        self.shared.len() * 8
    }

    #[inline(always)]
    fn reach(&self, area: isize, column: usize) -> (*mut u8, *mut u64) {
        let base: *mut u64 = self.cpus.as_ptr().cast_mut().cast();
        (arch::place(area), base.wrapping_add(column))
    }
}

/// Where the tag of a tagged word begins; below it is a count.
pub const TAG_SHIFT: u32 = 32;

/// What became of a step that depends on a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// It is done.
    Done,
    /// This CPU's tag is another one; nothing is done.
    Differs,
    /// This CPU has no words; nothing is done.
    NoCpu,
}

impl Tagged {
    #[inline(always)]
    fn from_number(number: u64) -> Self {
        match number {
            1 => Tagged::Done,
            0 => Tagged::Differs,
            _ => Tagged::NoCpu,
        }
    }
}

impl PerCpu {
    /// Looks up the rseq area. `TIDEGATE_RSEQ=0` in the environment turns it off.
    pub fn find(stripes: u64) -> Self {
        let stripes = u32::try_from(stripes).unwrap_or(0);
        let off = std::env::var_os("TIDEGATE_RSEQ").is_some_and(|value| value == "0");
        PerCpu {
            area: if off || stripes == 0 {
                None
            } else {
                arch::area()
            },
            stripes,
        }
    }

    /// Never uses rseq.
    pub fn none() -> Self {
        PerCpu {
            area: None,
            stripes: 0,
        }
    }

    /// True when threads can be expected to have an rseq area.
    pub fn is_available(self) -> bool {
        self.area.is_some()
    }

    /// How many CPUs have words.
    pub fn stripes(self) -> usize {
        self.stripes as usize
    }

    /// Adds `amount` to this CPU's word of `row`, or atomically to the word `shared` where that
    /// cannot be done.
    #[inline(always)]
    pub fn add(self, words: Words, row: Row, shared: usize, amount: u64) {
        let Some(shared) = words.get(shared) else {
            return;
        };
        match self.reach(words, row) {
            // SAFETY: `reach` checked every CPU's word; the area is the calling thread's.
            Some((area, base)) => unsafe {
                arch::add(area, base, row.stride * 8, self.stripes, shared, amount);
            },
            None => {
                shared.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    /// Takes the next number of this CPU's word of `row`: whose word it was, and the number, from 1
    /// on. `None` is the word `shared`, which counts atomically where a CPU has none.
    #[inline(always)]
    pub fn take(self, words: Words, row: Row, shared: usize) -> (Option<u32>, u64) {
        let Some(shared) = words.get(shared) else {
            return (None, 0);
        };
        if let Some((area, base)) = self.reach(words, row) {
            // SAFETY: `reach` checked every CPU's word; the area is the calling thread's.
            let (cpu, number) = unsafe { arch::take(area, base, row.stride * 8, self.stripes) };
            if cpu < self.stripes {
                return (Some(cpu), number);
            }
        }
        let number = shared.fetch_add(1, Ordering::Relaxed);
        (None, number.wrapping_add(1))
    }

    /// Adds 1 to this CPU's word of `row` if the bits from [`TAG_SHIFT`] on of the word that is
    /// `tags` words behind it are `tag`. `tags` is below the stride; what is between one CPU's word
    /// and the next one's is that CPU's.
    #[inline(always)]
    pub fn add_if(self, words: Words, row: Row, tags: usize, tag: u64) -> Tagged {
        if tags >= row.stride {
            return Tagged::NoCpu;
        }
        let Some((area, base)) = self.reach(words, row) else {
            return Tagged::NoCpu;
        };
        let tags = base.wrapping_add(tags);
        // SAFETY: `reach` checked every CPU's words, and `tags` is among them; the area is the
        // calling thread's.
        let done = unsafe { arch::add_if(area, base, tags, row.stride * 8, self.stripes, tag) };
        Tagged::from_number(done)
    }

    /// Writes `tag` and the low bits of this CPU's word of `row` into its word of `tags`, if that
    /// is still `old`.
    #[inline]
    pub fn renew(self, words: Words, row: Row, tags: Row, old: u64, tag: u64) -> Tagged {
        let (Some((area, base)), Some((_, tags))) =
            (self.reach(words, row), self.reach(words, tags))
        else {
            return Tagged::NoCpu;
        };
        let tag = tag << TAG_SHIFT;
        // SAFETY: as above.
        let done = unsafe { arch::renew(area, base, tags, row.stride * 8, self.stripes, old, tag) };
        Tagged::from_number(done)
    }

    /// The CPU that the calling thread is on, if that has words. Only a hint: it may change at once.
    #[inline]
    pub fn cpu(self) -> Option<usize> {
        // SAFETY: the area is the calling thread's.
        let cpu = unsafe { arch::cpu(arch::place(self.area?)) };
        (cpu < self.stripes).then_some(cpu as usize)
    }

    #[inline(always)]
    fn reach(self, words: Words, row: Row) -> Option<(*mut u8, *mut u64)> {
        let area = self.area?;
        let words = words.slice(row.at, (self.stripes as usize).wrapping_mul(row.stride))?;
        let base = words.as_ptr().cast_mut().cast();
        Some((arch::place(area), base))
    }
}

/// Adds to a double that other threads add to as well.
#[inline]
pub fn add_f64(word: &AtomicU64, amount: f64) {
    let mut old = word.load(Ordering::Relaxed);
    loop {
        let new = (f64::from_bits(old) + amount).to_bits();
        match word.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(found) => old = found,
        }
    }
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri),
    not(loom)
))]
fn registered_area() -> Option<isize> {
    // SAFETY: the names are NUL-terminated.
    let (offset, size) = unsafe {
        (
            libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_offset".as_ptr()).cast::<isize>(),
            libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_size".as_ptr()).cast::<u32>(),
        )
    };
    if offset.is_null() || size.is_null() {
        return None;
    }
    // SAFETY: glibc documents both as constants of these types; size 0 means not registered.
    unsafe { (*size > 0).then_some(*offset) }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri), not(loom)))]
mod arch {
    use super::AtomicU64;
    use std::arch::asm;

    pub fn area() -> Option<isize> {
        super::registered_area()
    }

    /// A thread's area as the functions below take it: its offset from the thread pointer, which
    /// is the base of the segment that they address it in.
    #[inline(always)]
    pub fn place(area: isize) -> *mut u8 {
        std::ptr::without_provenance_mut(area as usize)
    }

    /// The CPU's number in the area, which the kernel changes only while the thread does not run.
    ///
    /// # Safety
    /// `area` is that of the calling thread.
    #[inline(always)]
    pub unsafe fn cpu(area: *mut u8) -> u32 {
        let cpu;
        // SAFETY: by the contract above.
        unsafe {
            asm!(
                "mov {:e}, fs:[{} + 4]", out(reg) cpu, in(reg) area,
                options(nostack, readonly, preserves_flags),
            )
        }
        cpu
    }

    /// The parts that both sequences share: 2 announces the sequence, 3 to 4 is the sequence, 5 is
    /// where an aborted one goes on (behind the signature that the kernel checks), 6 is for a
    /// thread without a CPU's word.
    macro_rules! sequence {
        ([$($commit:literal),+] [$($otherwise:literal),+] $($operands:tt)*) => {
            sequence!(@ [] [$($commit),+] [$($otherwise),+] $($operands)*)
        };
        (
            @ [$($keep:literal),*] [$($commit:literal),+] [$($otherwise:literal),+] $($operands:tt)*
        ) => {
            asm!(
                "2:",
                "lea {t}, [rip + 77f]",
                "mov fs:[{area} + 8], {t}",
                "3:",
                "mov {t:e}, fs:[{area} + 4]",
                "cmp {t:e}, {stripes:e}",
                "jae 6f",
                $($keep,)*
                "imul {t}, {stride}",
                $($commit,)+
                "4:",
                ".pushsection __rseq_cs, \"aw\"",
                ".balign 32",
                "77:",
                ".long 0, 0",
                ".quad 3b, 4b - 3b, 5f",
                ".popsection",
                ".pushsection __rseq_failure, \"ax\"",
                ".byte 0x0f, 0xb9, 0x3d",
                ".long 0x53053053",
                "5:",
                "jmp 2b",
                "6:",
                $($otherwise,)+
                "jmp 4b",
                ".popsection",
                $($operands)*
                options(nostack),
            )
        };
    }

    /// # Safety
    /// `area` is the calling thread's rseq area; `base + cpu * stride` is a word of ours for every
    /// `cpu` below `stripes`.
    #[inline(always)]
    pub unsafe fn add(
        area: *mut u8,
        base: *mut u64,
        stride: usize,
        stripes: u32,
        shared: &AtomicU64,
        amount: u64,
    ) {
        // SAFETY: by the contract above; the one write is an aligned 8-byte add.
        unsafe {
            sequence!(["add [{base} + {t}], {amount}"] ["lock add [{shared}], {amount}"]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, shared = in(reg) shared, amount = in(reg) amount,
                t = out(reg) _,
            )
        }
    }

    /// # Safety
    /// As [`add`]; the words hold doubles.
    #[inline(always)]
    pub unsafe fn add_f64(
        area: *mut u8,
        base: *mut u64,
        stride: usize,
        stripes: u32,
        shared: &AtomicU64,
        amount: f64,
    ) {
        // SAFETY: as above; only the last instruction of the sequence writes.
        unsafe {
            sequence!(
                [
                    "movapd {sum}, {amount}",
                    "addsd {sum}, [{base} + {t}]",
                    "movsd [{base} + {t}], {sum}"
                ]
                [
                    "mov rax, [{shared}]",
                    "8:",
                    "movq {sum}, rax",
                    "addsd {sum}, {amount}",
                    "movq {t}, {sum}",
                    "lock cmpxchg [{shared}], {t}",
                    "jne 8b"
                ]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, shared = in(reg) shared, amount = in(xmm_reg) amount,
                t = out(reg) _, sum = out(xmm_reg) _, out("rax") _,
            )
        }
    }

    /// The CPU and its next number; a CPU of `stripes` or more when there is no word for it.
    ///
    /// # Safety
    /// As [`add`].
    #[inline(always)]
    pub unsafe fn take(area: *mut u8, base: *mut u64, stride: usize, stripes: u32) -> (u32, u64) {
        let (cpu, number): (u32, u64);
        // SAFETY: by the contract above; the one write is the last instruction.
        unsafe {
            sequence!(@ ["mov {cpu:e}, {t:e}"]
                ["mov {n:e}, 1", "add {n}, [{base} + {t}]", "mov [{base} + {t}], {n}"]
                ["mov {cpu:e}, -1"]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, cpu = out(reg) cpu, n = out(reg) number,
                t = out(reg) _,
            )
        }
        (cpu, number)
    }

    /// 1 when done, 0 when the tag differs, 2 when there is no word for the CPU.
    ///
    /// # Safety
    /// As [`add`], for `base` and `tags` alike.
    #[inline(always)]
    pub unsafe fn add_if(
        area: *mut u8,
        base: *mut u64,
        tags: *mut u64,
        stride: usize,
        stripes: u32,
        tag: u64,
    ) -> u64 {
        let done: u64;
        // SAFETY: by the contract above; the one write is an aligned 8-byte add, the last
        // instruction, and the jump leaves the sequence without it.
        unsafe {
            sequence!(
                [
                    "mov {done}, [{tags} + {t}]",
                    "shr {done}, 32",
                    "cmp {done}, {tag}",
                    "mov {done:e}, 0",
                    "jne 4f",
                    "mov {done:e}, 1",
                    "add qword ptr [{base} + {t}], 1"
                ]
                ["mov {done:e}, 2"]
                area = in(reg) area, base = in(reg) base, tags = in(reg) tags,
                stride = in(reg) stride, stripes = in(reg) stripes, tag = in(reg) tag,
                done = out(reg) done, t = out(reg) _,
            )
        }
        done
    }

    /// As [`add_if`]; `tag` stands in its place above the count.
    ///
    /// # Safety
    /// As [`add_if`].
    #[inline]
    pub unsafe fn renew(
        area: *mut u8,
        base: *mut u64,
        tags: *mut u64,
        stride: usize,
        stripes: u32,
        old: u64,
        tag: u64,
    ) -> u64 {
        let done: u64;
        // SAFETY: as above; the one write is the last instruction.
        unsafe {
            sequence!(
                [
                    "mov {done:e}, 0",
                    "cmp {old}, [{tags} + {t}]",
                    "jne 4f",
                    "mov {v}, [{base} + {t}]",
                    "shl {v}, 32",
                    "shr {v}, 32",
                    "or {v}, {tag}",
                    "mov {done:e}, 1",
                    "mov [{tags} + {t}], {v}"
                ]
                ["mov {done:e}, 2"]
                area = in(reg) area, base = in(reg) base, tags = in(reg) tags,
                stride = in(reg) stride, stripes = in(reg) stripes, tag = in(reg) tag,
                old = in(reg) old, done = out(reg) done, v = out(reg) _, t = out(reg) _,
            )
        }
        done
    }
}

#[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri), not(loom)))]
mod arch {
    use super::AtomicU64;
    use std::arch::asm;

    pub fn area() -> Option<isize> {
        super::registered_area()
    }

    /// The calling thread's area.
    #[inline(always)]
    pub fn place(area: isize) -> *mut u8 {
        let pointer: *mut u8;
        // SAFETY: reading the thread register has no effect.
        unsafe {
            asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, pure, nomem, preserves_flags))
        }
        pointer.wrapping_offset(area)
    }

    /// The CPU's number in the area, which the kernel changes only while the thread does not run.
    ///
    /// # Safety
    /// `area` is that of the calling thread.
    #[inline(always)]
    pub unsafe fn cpu(area: *mut u8) -> u32 {
        // SAFETY: by the contract above.
        unsafe { area.add(4).cast::<u32>().read_volatile() }
    }

    /// Labels as in the x86-64 sequence. What is rarely reached is a subsection, the end of the
    /// function's own section: a conditional branch reaches 1 MiB, which another section may be beyond.
    macro_rules! sequence {
        ([$($commit:literal),+] [$($otherwise:literal),+] $($operands:tt)*) => {
            sequence!(@ [] [$($commit),+] [$($otherwise),+] $($operands)*)
        };
        (
            @ [$($keep:literal),*] [$($commit:literal),+] [$($otherwise:literal),+] $($operands:tt)*
        ) => {
            asm!(
                "2:",
                "adrp {t}, 77f",
                "add {t}, {t}, :lo12:77f",
                "str {t}, [{area}, #8]",
                "3:",
                "ldr {cpu:w}, [{area}, #4]",
                "cmp {cpu:w}, {stripes:w}",
                "b.hs 6f",
                $($keep,)*
                "madd {cpu}, {cpu}, {stride}, {base}",
                $($commit,)+
                "4:",
                ".pushsection __rseq_cs, \"aw\"",
                ".balign 32",
                "77:",
                ".long 0, 0",
                ".quad 3b, 4b - 3b, 5f",
                ".popsection",
                ".subsection 1",
                ".inst 0xd428bc00",
                "5:",
                "b 2b",
                "6:",
                $($otherwise,)+
                "b 4b",
                ".previous",
                $($operands)*
                options(nostack),
            )
        };
    }

    /// # Safety
    /// `area` is the calling thread's rseq area; `base + cpu * stride` is a word of ours for every
    /// `cpu` below `stripes`.
    #[inline(always)]
    pub unsafe fn add(
        area: *mut u8,
        base: *mut u64,
        stride: usize,
        stripes: u32,
        shared: &AtomicU64,
        amount: u64,
    ) {
        // SAFETY: by the contract above; the one write is an aligned 8-byte store.
        unsafe {
            sequence!(
                ["ldr {t}, [{cpu}]", "add {t}, {t}, {amount}", "str {t}, [{cpu}]"]
                [
                    "8:",
                    "ldxr {t}, [{shared}]",
                    "add {t}, {t}, {amount}",
                    "stxr {cpu:w}, {t}, [{shared}]",
                    "cbnz {cpu:w}, 8b"
                ]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, shared = in(reg) shared, amount = in(reg) amount,
                cpu = out(reg) _, t = out(reg) _,
            )
        }
    }

    /// # Safety
    /// As [`add`]; the words hold doubles.
    #[inline(always)]
    pub unsafe fn add_f64(
        area: *mut u8,
        base: *mut u64,
        stride: usize,
        stripes: u32,
        shared: &AtomicU64,
        amount: f64,
    ) {
        // SAFETY: as above.
        unsafe {
            sequence!(
                ["ldr {sum:d}, [{cpu}]", "fadd {sum:d}, {sum:d}, {amount:d}", "str {sum:d}, [{cpu}]"]
                [
                    "8:",
                    "ldxr {t}, [{shared}]",
                    "fmov {sum:d}, {t}",
                    "fadd {sum:d}, {sum:d}, {amount:d}",
                    "fmov {t}, {sum:d}",
                    "stxr {cpu:w}, {t}, [{shared}]",
                    "cbnz {cpu:w}, 8b"
                ]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, shared = in(reg) shared, amount = in(vreg) amount,
                cpu = out(reg) _, t = out(reg) _, sum = out(vreg) _,
            )
        }
    }

    /// The CPU and its next number; a CPU of `stripes` or more when there is no word for it.
    ///
    /// # Safety
    /// As [`add`].
    #[inline(always)]
    pub unsafe fn take(area: *mut u8, base: *mut u64, stride: usize, stripes: u32) -> (u32, u64) {
        let (kept, number): (u32, u64);
        // SAFETY: by the contract above; the one write is the last instruction.
        unsafe {
            sequence!(@ ["mov {kept:w}, {cpu:w}"]
                ["ldr {t}, [{cpu}]", "add {t}, {t}, #1", "str {t}, [{cpu}]"]
                ["mov {kept:w}, #-1"]
                area = in(reg) area, base = in(reg) base, stride = in(reg) stride,
                stripes = in(reg) stripes, cpu = out(reg) _, kept = out(reg) kept,
                t = out(reg) number,
            )
        }
        (kept, number)
    }

    /// 1 when done, 0 when the tag differs, 2 when there is no word for the CPU.
    ///
    /// # Safety
    /// As [`add`], for `base` and `tags` alike.
    #[inline(always)]
    pub unsafe fn add_if(
        area: *mut u8,
        base: *mut u64,
        tags: *mut u64,
        stride: usize,
        stripes: u32,
        tag: u64,
    ) -> u64 {
        let done: u64;
        let delta = (tags as usize).wrapping_sub(base as usize);
        // SAFETY: by the contract above; the one write is the last instruction, and the branch
        // leaves the sequence without it.
        unsafe {
            sequence!(
                [
                    "ldr {t}, [{cpu}, {delta}]",
                    "mov {done}, #0",
                    "cmp {tag}, {t}, lsr #32",
                    "b.ne 4f",
                    "ldr {t}, [{cpu}]",
                    "add {t}, {t}, #1",
                    "mov {done}, #1",
                    "str {t}, [{cpu}]"
                ]
                ["mov {done}, #2"]
                area = in(reg) area, base = in(reg) base, delta = in(reg) delta,
                stride = in(reg) stride, stripes = in(reg) stripes, tag = in(reg) tag,
                done = out(reg) done, cpu = out(reg) _, t = out(reg) _,
            )
        }
        done
    }

    /// As [`add_if`]; `tag` stands in its place above the count.
    ///
    /// # Safety
    /// As [`add_if`].
    #[inline]
    pub unsafe fn renew(
        area: *mut u8,
        base: *mut u64,
        tags: *mut u64,
        stride: usize,
        stripes: u32,
        old: u64,
        tag: u64,
    ) -> u64 {
        let done: u64;
        let delta = (tags as usize).wrapping_sub(base as usize);
        // SAFETY: as above; the one write is the last instruction. It releases: who acquires the tag
        // finds a count that is not older than the one below it, also when another thread made that.
        unsafe {
            sequence!(
                [
                    "ldr {t}, [{cpu}, {delta}]",
                    "mov {done}, #0",
                    "cmp {t}, {old}",
                    "b.ne 4f",
                    "ldr {t}, [{cpu}]",
                    "and {t}, {t}, #0xffffffff",
                    "orr {t}, {t}, {tag}",
                    "add {cpu}, {cpu}, {delta}",
                    "mov {done}, #1",
                    "stlr {t}, [{cpu}]"
                ]
                ["mov {done}, #2"]
                area = in(reg) area, base = in(reg) base, delta = in(reg) delta,
                stride = in(reg) stride, stripes = in(reg) stripes, tag = in(reg) tag,
                old = in(reg) old, done = out(reg) done, cpu = out(reg) _, t = out(reg) _,
            )
        }
        done
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri),
    not(loom)
)))]
mod arch {
    use super::AtomicU64;

    pub fn area() -> Option<isize> {
        None
    }

    pub fn place(_: isize) -> *mut u8 {
        std::ptr::null_mut()
    }

    /// # Safety
    /// None needed: there is no area, so this is never reached.
    pub unsafe fn cpu(_: *mut u8) -> u32 {
        u32::MAX
    }

    /// # Safety
    /// None needed: there is no area, so this is never reached.
    pub unsafe fn add(_: *mut u8, _: *mut u64, _: usize, _: u32, _: &AtomicU64, _: u64) {}

    /// # Safety
    /// As [`add`].
    pub unsafe fn add_f64(_: *mut u8, _: *mut u64, _: usize, _: u32, _: &AtomicU64, _: f64) {}

    /// # Safety
    /// As [`add`].
    pub unsafe fn take(_: *mut u8, _: *mut u64, _: usize, _: u32) -> (u32, u64) {
        (u32::MAX, 0)
    }

    /// # Safety
    /// As [`add`].
    pub unsafe fn add_if(_: *mut u8, _: *mut u64, _: *mut u64, _: usize, _: u32, _: u64) -> u64 {
        2
    }

    /// # Safety
    /// As [`add`].
    pub unsafe fn renew(
        _: *mut u8,
        _: *mut u64,
        _: *mut u64,
        _: usize,
        _: u32,
        _: u64,
        _: u64,
    ) -> u64 {
        2
    }
}
