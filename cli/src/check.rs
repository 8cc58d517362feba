//! `tidegate check`: validates a configuration document.
//!
//! What fits on paper may still not fit in memory, so everything that the document names is also
//! made, in private memory of the size that the region would have. The region itself is left alone.

use crate::document;
use crate::exit::Failure;
use crate::policy;
use crate::quantity;
use std::fmt::Write;
use std::path::Path;
use tidegate::engine::Engine;
use tidegate::engine::options::Options;

/// Validates the document `file`; gives a summary.
pub fn run(file: &Path) -> Result<String, Failure> {
    let text = document::read(file)?;
    let failed = |cause| Failure::Failed(format!("{}: {cause}", file.display()));
    let options = Options::parse(&text).map_err(failed)?;
    let limits = options.limits();
    let trial = Options {
        path: None,
        private: true,
        size_bytes: Some(limits.total_words * 8),
        ..options.clone()
    };
    Engine::with_options(&trial).map_err(failed)?;
    Ok(summary(&options))
}

fn summary(options: &Options) -> String {
    let limits = options.limits();
    let place = match (&options.path, options.private) {
        (Some(path), _) => format!("file {}", path.display()),
        (None, true) => "private memory".to_owned(),
        (None, false) => "memory shared with forked children".to_owned(),
    };
    let service = if options.service.is_empty() {
        "-"
    } else {
        &options.service
    };
    let clock = if options.manual_clock == Some(true) {
        "manual"
    } else {
        "real"
    };
    let window = options.window_seconds.unwrap_or(60.0);
    let size = quantity::bytes(limits.total_words as f64 * 8.0);
    let mut text = format!(
        "ok\nservice   {service}\nregion    {place}, {size}\nclock     {clock}\nwindow    {window} s\n\
         metrics   {} series, {} of one name\nlimiters  {}\n",
        quantity::whole(limits.max_series),
        quantity::whole(limits.max_series_per_name),
        options.limiters.len()
    );
    for (name, policy, _) in &options.limiters {
        let keys = policy.keyed.map(|keyed| {
            let keys = quantity::whole(keyed.max_keys);
            format!(" ({keys} keys, then {})", keyed.when_full.name())
        });
        let words = policy::words(policy);
        let _ = writeln!(
            text,
            "  {name}: {} {words}{}",
            policy.algorithm.name(),
            keys.unwrap_or_default()
        );
    }
    let named = |names: Vec<&str>| match names.len() {
        0 => None,
        count => Some(format!("{count}: {}", names.join(", "))),
    };
    let sections = [
        ("breakers", named(names(&options.breakers))),
        ("throttles", named(names(&options.throttles))),
        ("bulkheads", named(names(&options.bulkheads))),
        ("retries", named(names(&options.retries))),
        ("guards", named(names(&options.guards))),
        ("objective", {
            let all = options.objectives.iter();
            named(all.map(|objective| objective.name.as_str()).collect())
        }),
    ];
    for (section, found) in sections {
        if let Some(found) = found {
            let _ = writeln!(text, "{section:<9} {found}");
        }
    }
    crate::table::printable_lines(&text)
}

fn names<T>(guards: &[(String, T)]) -> Vec<&str> {
    guards.iter().map(|(name, _)| name.as_str()).collect()
}
