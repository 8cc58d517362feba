//! A strict reader of Prometheus text 0.0.4, slow and obvious.

use std::collections::HashSet;

type Labels = Vec<(String, String)>;

/// The samples of an exposition.
#[derive(Debug)]
pub struct Exposition {
    samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.0 == name)
    }

    /// The one sample with this name and these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: HashSet<(&str, &str)> = labels.iter().copied().collect();
        let found = self.samples.iter().find(|(found, labels, _)| {
            let labels: HashSet<(&str, &str)> = labels
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            found == name && labels == wanted
        });
        found
            .unwrap_or_else(|| panic!("there is no sample {name} {labels:?}"))
            .2
    }
}

/// Reads an exposition; refuses anything that is not as the format says, or as we promise.
pub fn read(text: &str) -> Result<Exposition, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    let mut samples = Vec::new();
    let mut families: Vec<(String, String)> = Vec::new();
    let mut helped: Option<String> = None;
    let mut closed = false;
    for line in text.split_terminator('\n') {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else {
                return wrong("no help");
            };
            unescape(help, false)?;
            helped = Some(name.into());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else {
                return wrong("no type");
            };
            if helped.take().is_some_and(|helped| helped != name) {
                return wrong("a help text of another family");
            }
            if !["counter", "gauge", "histogram"].contains(&kind) || !is_name(name) {
                return wrong("a bad name or type");
            }
            if families.last().is_some_and(|before| *before.0 >= *name) {
                return wrong("families are not in order");
            }
            if kind == "counter" && !name.ends_with("_total") {
                return wrong("a counter without _total");
            }
            families.push((name.into(), kind.into()));
        } else if line.starts_with("# tidegate left out ") {
            closed = true;
        } else {
            let Some((family, kind)) = families.last() else {
                return wrong("no family");
            };
            let sample = sample(line)?;
            let suffixes: &[&str] = if kind == "histogram" {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            if closed
                || !suffixes
                    .iter()
                    .any(|suffix| sample.0 == format!("{family}{suffix}"))
            {
                return wrong("a sample outside its family");
            }
            samples.push(sample);
        }
    }
    let mut seen = HashSet::new();
    for (name, labels, _) in &samples {
        if !seen.insert((name, labels)) {
            return Err(format!("{name} {labels:?} is there twice"));
        }
    }
    // What belongs to one histogram could be read as another family.
    let names: HashSet<&str> = samples.iter().map(|sample| sample.0.as_str()).collect();
    for (family, _) in families.iter().filter(|(_, kind)| kind == "histogram") {
        for suffix in ["_bucket", "_sum", "_count"] {
            let part = format!("{family}{suffix}");
            if families.iter().any(|(name, _)| *name == part) || names.contains(family.as_str()) {
                return Err(format!("{part} is ambiguous"));
            }
        }
        check_buckets(family, &samples)?;
    }
    Ok(Exposition { samples })
}

fn check_buckets(family: &str, samples: &[(String, Labels, f64)]) -> Result<(), String> {
    let of = |suffix: &str| {
        let name = format!("{family}{suffix}");
        samples.iter().filter(move |sample| sample.0 == name)
    };
    let mut buckets = of("_bucket").peekable();
    for (_, labels, count) in of("_count") {
        let (mut last_bound, mut last_count) = (f64::NEG_INFINITY, 0.0);
        while last_bound < f64::INFINITY {
            let Some((_, found, cumulative)) = buckets.next() else {
                return Err(format!("{family}: no bucket +Inf"));
            };
            let Some(((name, bound), others)) = found.split_last() else {
                return Err(format!("{family}: a bucket without labels"));
            };
            let bound: f64 = bound
                .parse()
                .map_err(|_| format!("{family}: bound {bound}"))?;
            if name != "le" || others != labels || bound <= last_bound || *cumulative < last_count {
                return Err(format!("{family}: bucket {found:?} {cumulative}"));
            }
            (last_bound, last_count) = (bound, *cumulative);
        }
        if last_count != *count {
            return Err(format!("{family}: +Inf is {last_count}, the count {count}"));
        }
    }
    match buckets.next() {
        None => Ok(()),
        Some(more) => Err(format!("{family}: bucket without a count: {more:?}")),
    }
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let wrong = || format!("not a sample: {line}");
    let end = line.find(['{', ' ']).ok_or_else(wrong)?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, tail) = rest.split_once("=\"").ok_or_else(wrong)?;
            let mut escaped = false;
            let end = tail
                .find(|letter| {
                    let ends = letter == '"' && !escaped;
                    escaped = letter == '\\' && !escaped;
                    ends
                })
                .ok_or_else(wrong)?;
            labels.push((label.to_owned(), unescape(&tail[..end], true)?));
            rest = &tail[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').ok_or_else(wrong)?;
    }
    let legal = labels
        .iter()
        .all(|(label, _)| is_name(label) && !label.contains(':'));
    let value = rest.strip_prefix(' ').ok_or_else(wrong)?;
    let value = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        finite => finite
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(wrong)?,
    };
    if legal && is_name(name) {
        Ok((name.to_owned(), labels, value))
    } else {
        Err(wrong())
    }
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(match (letter, quotes) {
            ('\\', _) => match letters.next() {
                Some('n') => '\n',
                Some('\\') => '\\',
                Some('"') if quotes => '"',
                other => return Err(format!("escape \\{other:?} in {text}")),
            },
            ('"', true) => return Err(format!("a bare quote in {text}")),
            (same, _) => same,
        });
    }
    Ok(plain)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_' || first == b':')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}
