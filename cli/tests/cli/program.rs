//! Runs the program; starts processes that write a region.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tidegate::engine::Engine;
use tidegate::metrics::{Kind, MetricOptions};

/// What a writer records before it says that it is ready.
pub const JOBS: u64 = 1000;
/// Largest value in its histogram, in seconds.
pub const SLOWEST_SECONDS: f64 = 0.1;
/// Checks of its limiter, of which [`ADMITTED`] are admitted.
pub const CHECKS: u64 = 12;
/// Burst of its limiter, which hardly refills.
pub const ADMITTED: u64 = 5;

const WRITER: &str = "TIDEGATE_TEST_WRITER";

/// The program with these arguments, not yet started.
pub fn tidegate<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    tidegate(arguments).output().expect("the program starts")
}

/// Runs the program with `input` on its standard input.
pub fn run_with<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Output {
    let mut command = tidegate(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // The program may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("no panic");
    output
}

/// What a run printed, when it went well.
pub fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The one sentence of a run that failed with `code`.
pub fn sentence_of(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let errors = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert!(
        errors.starts_with("tidegate: ") && errors.ends_with('\n'),
        "{errors:?}"
    );
    assert_eq!(errors.lines().count(), 1, "{errors:?}");
    errors
}

/// A folder that goes away with the test.
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder, in memory where there is such a file system.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("tidegate-cli-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).expect("a new folder");
        Folder(folder)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file in it.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).expect("written");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that writes a region until it is killed.
pub struct Writer(Child);

impl Writer {
    /// Starts one on `path`; it has recorded what it records when this returns.
    pub fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "program::writes_until_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(WRITER, path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the writer starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = lines.any(|line| line.expect("text").contains("ready"));
        assert!(ready, "the writer ended early");
        Writer(child)
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test: what a [`Writer`] runs.
#[test]
#[ignore = "started by other tests as a process of its own"]
fn writes_until_killed() {
    let Some(path) = std::env::var_os(WRITER) else {
        return;
    };
    let config = serde_json::json!({
        "service": "testing",
        "region": {"path": path.to_str(), "size_bytes": 4 << 20},
        "metrics": {"max_series": 128},
        "limiters": {"per_user": {
            "algorithm": "token_bucket", "rate_per_second": 0.001, "burst": ADMITTED, "keyed": true, "max_keys": 64,
        }},
    });
    let engine = Engine::open(&config.to_string()).expect("the engine opens");
    let options = |text: &str, kind| MetricOptions::parse(text, kind).expect("options");
    let jobs = engine
        .counter(
            "jobs",
            &options(r#"{"labels":{"kind":"mail"}}"#, Kind::Counter),
        )
        .expect("a counter");
    let ticks = engine
        .counter("ticks", &MetricOptions::default())
        .expect("a counter");
    let depth = engine
        .gauge("queue_depth", &MetricOptions::default())
        .expect("a gauge");
    let times = engine
        .histogram(
            "job_seconds",
            &options(r#"{"unit":"seconds"}"#, Kind::Histogram),
        )
        .expect("a histogram");
    for job in 0..JOBS {
        engine.add(jobs, 1).expect("counted");
        let seconds = SLOWEST_SECONDS * (job + 1) as f64 / JOBS as f64;
        engine.record(times, seconds).expect("recorded");
    }
    engine.set(depth, 7.5).expect("set");
    let limiter = engine.find_limiter("per_user").expect("the limiter");
    let user = std::process::id().to_string();
    for _ in 0..CHECKS {
        engine
            .check(limiter, Some(user.as_bytes()), 1, None)
            .expect("checked");
    }
    println!("ready");
    loop {
        engine.add(ticks, 1).expect("counted");
        std::thread::sleep(Duration::from_millis(1));
    }
}
