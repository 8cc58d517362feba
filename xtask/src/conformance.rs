//! The scenarios of `bindings/conformance` as one C program: each step becomes the call that it
//! names. C has no JSON reader, so `snapshot_render` only has to give a document there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process;

/// Writes the program into `folder`; the path of its source.
pub fn write(folder: &Path) -> Result<PathBuf, String> {
    let mut code =
        String::from("/* Generated from bindings/conformance. */\n#include \"check.h\"\n\n");
    code.push_str(HELPERS);
    let mut tests = Vec::new();
    for file in scenarios()? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let list: Value =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        for scenario in list.as_array().into_iter().flatten() {
            let name = format!("scenario_{}", tests.len() + 1);
            let title = scenario["name"].as_str().unwrap_or_default();
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let body = function(scenario).map_err(|e| format!("{stem}: {title}: {e}"))?;
            let _ = writeln!(
                code,
                "/* {stem}: {title} */\nstatic void {name}(void)\n{{\n{body}}}\n"
            );
            tests.push((name, format!("{stem}: {title}")));
        }
    }
    code.push_str("int main(void)\n{\n");
    for (name, title) in &tests {
        let _ = writeln!(
            code,
            "    fprintf(stderr, \"%s\\n\", {});\n    {name}();",
            quoted(title)
        );
    }
    code.push_str("    return check_result();\n}\n");
    let source = folder.join("conformance.c");
    fs::write(&source, code).map_err(|error| format!("{}: {error}", source.display()))?;
    Ok(source)
}

const HELPERS: &str = r#"static inline void check_near(int line, const char *what, double expected, double found,
                              double within)
{
    bool is_near = isnan(expected) ? isnan(found) != 0
                                   : fabs(found - expected) <= fabs(expected) * within;
    if (!is_near) {
        check_failed(__FILE__, line, what);
        fprintf(stderr, "    expected %.17g, found %.17g\n", expected, found);
    }
}
#define NEAR(expected, found, within)                                                              \
    check_near(__LINE__, #found, (expected), (double)(found), (within))

static inline void message_has(const char *part)
{
    char sentence[1000];
    tidegate_last_error(sentence, sizeof sentence);
    if (strstr(sentence, part) == NULL) {
        check_failed(__FILE__, __LINE__, sentence);
    }
}

/* What the latest check said, and where the events go on. */
static tidegate_decision latest;
static tidegate_status latest_verdict;
static uint64_t next_event;

/* The parts stand in the text one after the other, and nothing else in it begins as `each` does. */
static inline void text_has(int line, const char *text, const char *each, size_t count,
                            const char *const *parts)
{
    const char *rest = text;
    for (size_t i = 0; i < count && rest != NULL; i++) {
        rest = strstr(rest, parts[i]);
        if (rest == NULL) {
            check_failed(__FILE__, line, parts[i]);
        } else {
            rest += strlen(parts[i]);
        }
    }
    size_t found = 0;
    for (const char *at = strstr(text, each); at != NULL; at = strstr(at + 1, each)) {
        found++;
    }
    check_equal(__FILE__, line, each, count, found);
}

"#;

fn scenarios() -> Result<Vec<PathBuf>, String> {
    let folder = process::root().join("bindings/conformance");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    Ok(files)
}

fn function(scenario: &Value) -> Result<String, String> {
    let mut config = scenario["config"].clone();
    config["clock"] = "manual".into();
    let mut body = String::from("    tidegate_engine *engine;\n    next_event = 0;\n");
    let _ = writeln!(
        body,
        "    NEED(STATUS(TIDEGATE_OK, tidegate_engine_open({}, &engine)));",
        quoted(&config.to_string())
    );
    let steps = scenario["steps"].as_array().ok_or("no steps")?;
    let permits: BTreeSet<(&str, &str)> = steps
        .iter()
        .filter_map(|step| Some((step["as"].as_str()?, kind_of_permit(step))))
        .collect();
    for (permit, kind) in permits {
        let _ = writeln!(body, "    {kind} permit_{permit};");
    }
    for step in steps {
        body.push_str(&block(step)?);
    }
    body.push_str("    tidegate_engine_close(engine);\n");
    Ok(body)
}

fn kind_of_permit(step: &Value) -> &'static str {
    if step["do"] == "guard_acquire" {
        "tidegate_guard_permit"
    } else {
        "uint64_t"
    }
}

/// One step as a block of its own.
fn block(step: &Value) -> Result<String, String> {
    let status = step["status"].as_str().unwrap_or("TIDEGATE_OK");
    let repeat = step["repeat"].as_u64().unwrap_or(1);
    let call = Call::of(step)?;
    let mut code = format!("    for (int round = 0; round < {repeat}; round++) {{\n");
    for line in &call.before {
        let _ = writeln!(code, "        {line}");
    }
    let _ = writeln!(code, "        STATUS({status}, {});", call.text);
    if let Some(part) = step["message"].as_str() {
        let _ = writeln!(code, "        message_has({});", quoted(part));
    }
    if let Some(name) = step["as"].as_str() {
        let _ = writeln!(code, "        permit_{name} = permit;");
    }
    let within = step["within"].as_f64().unwrap_or(0.0);
    if call.is_text {
        code.push_str("        text[length] = 0;\n");
    }
    let is_rendered = step["do"] == "snapshot_render";
    for (field, wanted) in step["expect"].as_object().into_iter().flatten() {
        if is_rendered {
            break;
        }
        if call.is_text {
            let _ = writeln!(code, "        {}", text_has(field, wanted));
            continue;
        }
        let mut check = |found: String, wanted: &Value| {
            let line = match wanted {
                Value::String(text) => format!("CHECK({found} == {});", call.constant(text)),
                Value::Number(number) if number.as_u64().is_some_and(|whole| whole >= 1 << 53) => {
                    format!("EQUAL({number}u, {found});")
                }
                other => {
                    format!("NEAR({}, {found}, {within:?});", double(other))
                }
            };
            let _ = writeln!(code, "        {line}");
        };
        match wanted {
            Value::Array(all) => {
                for (at, wanted) in all.iter().enumerate() {
                    check(format!("{field}[{at}]"), wanted);
                }
            }
            wanted => check(format!("{}{field}", call.prefix), wanted),
        }
    }
    for line in &call.after {
        let _ = writeln!(code, "        {line}");
    }
    code.push_str("    }\n");
    Ok(code)
}

/// A C call, with what has to stand around it.
#[derive(Default)]
struct Call {
    before: Vec<String>,
    text: String,
    after: Vec<String>,
    /// What stands before an expected field.
    prefix: &'static str,
    /// What a word of the scenario is called in C, without the word.
    family: &'static str,
    /// It writes lines of HTTP fields, or of JSON, into `text`.
    is_text: bool,
}

impl Call {
    fn constant(&self, word: &str) -> String {
        format!("{}{}", self.family, word.to_uppercase())
    }

    fn of(step: &Value) -> Result<Self, String> {
        let name = step["do"].as_str().ok_or("a step without `do`")?;
        let text = |field: &str| quoted(step[field].as_str().unwrap_or_default());
        let whole = |field: &str, otherwise: u64| step[field].as_u64().unwrap_or(otherwise);
        let real = |field: &str| double(&step[field]);
        let mut call = Call::default();
        let key = key_of(step);
        match name {
            "clock_advance" => {
                call.text = format!("tidegate_clock_advance(engine, {}u)", whole("by_ns", 0));
            }
            "engine_open" => {
                let document = match &step["config"] {
                    Value::String(text) => text.clone(),
                    document => document.to_string(),
                };
                call.before.push("tidegate_engine *other = NULL;".into());
                call.text = format!("tidegate_engine_open({}, &other)", quoted(&document));
                call.after.push("tidegate_engine_close(other);".into());
            }
            "counter_add" => {
                call.open(step, "counter", false);
                let amount = whole("amount", 0);
                call.then(format!("tidegate_counter_add(engine, counter, {amount}u)"));
            }
            "counter_value" => {
                call.open(step, "counter", false);
                call.before.push("uint64_t value = 0;".into());
                call.then("tidegate_counter_value(engine, counter, &value)".into());
            }
            "gauge_set" | "gauge_add" => {
                call.open(step, "gauge", false);
                let amount = real(if name == "gauge_set" {
                    "value"
                } else {
                    "delta"
                });
                call.then(format!("tidegate_{name}(engine, gauge, {amount})"));
            }
            "gauge_value" => {
                call.open(step, "gauge", false);
                call.before.push("double value = 0;".into());
                call.then("tidegate_gauge_value(engine, gauge, &value)".into());
            }
            "histogram_record" => {
                call.open(step, "histogram", false);
                let value = real("value");
                call.then(format!(
                    "tidegate_histogram_record(engine, histogram, {value})"
                ));
            }
            "histogram_record_many" => {
                call.open(step, "histogram", false);
                let values = array(&step["values"]);
                call.before
                    .push(format!("static const double given[] = {{{values}}};"));
                call.then(
                    "tidegate_histogram_record_many(engine, histogram, given, sizeof given / sizeof *given)"
                        .into(),
                );
            }
            "histogram_quantiles" => {
                call.open(step, "histogram", false);
                let quantiles = array(&step["quantiles"]);
                call.before
                    .push(format!("static const double asked[] = {{{quantiles}}};"));
                call.before
                    .push("double values[sizeof asked / sizeof *asked];".into());
                call.then(format!(
                    "tidegate_histogram_quantiles(engine, histogram, {}, asked, sizeof asked / sizeof *asked, values)",
                    real("window_seconds")
                ));
            }
            "record_metric" => {
                let value = real("value");
                call.text = format!("tidegate_record_metric(engine, {}, {value})", text("name"));
            }
            "limiter_check" | "limiter_peek" => {
                call.open(step, "limiter", true);
                call.decides();
                call.then(format!(
                    "tidegate_{name}(engine, limiter, {key}, {}u, &decision)",
                    whole("cost", 1)
                ));
                if name == "limiter_check" {
                    call.after.push("latest = decision;".into());
                    let status = step["status"].as_str().unwrap_or("TIDEGATE_OK");
                    call.after.push(format!("latest_verdict = {status};"));
                }
            }
            "limiter_check_all" => {
                call.decides();
                call.before
                    .push("tidegate_status opened = TIDEGATE_OK;".into());
                let requests = step["requests"].as_array().ok_or("no requests")?;
                for (at, request) in requests.iter().enumerate() {
                    let limiter = quoted(request["limiter"].as_str().unwrap_or_default());
                    call.before.push(format!("tidegate_limiter limiter_{at};"));
                    call.before.push(format!(
                        "if (opened == TIDEGATE_OK) opened = tidegate_limiter_open(engine, {limiter}, NULL, &limiter_{at});"
                    ));
                }
                let entries: Vec<String> = (requests.iter().enumerate())
                    .map(|(at, request)| {
                        let cost = request["cost"].as_u64().unwrap_or(1);
                        format!("{{limiter_{at}, {}, {cost}u}}", key_of(request))
                    })
                    .collect();
                call.before.push(format!(
                    "const tidegate_limiter_request requests[] = {{{}}};",
                    entries.join(", ")
                ));
                call.then(format!(
                    "tidegate_limiter_check_all(engine, requests, {}, NULL, &decision)",
                    requests.len()
                ));
            }
            "limiter_headers" => {
                call.open(step, "limiter", true);
                call.writes();
                let style = step["style"].as_str().unwrap_or_default().to_uppercase();
                call.then(format!(
                    "tidegate_limiter_headers(engine, limiter, &latest, latest_verdict, TIDEGATE_HEADERS_{style}, text, sizeof text - 1, &length)"
                ));
            }
            "limiter_top" => {
                call.open(step, "limiter", true);
                call.writes();
                let by = step["by"].as_str().unwrap_or_default().to_uppercase();
                let count = whole("count", 0);
                call.then(format!(
                    "tidegate_limiter_top(engine, limiter, TIDEGATE_TOP_{by}, {count}, text, sizeof text - 1, &length)"
                ));
            }
            "events_read" => {
                call.writes();
                call.text =
                    "tidegate_events_read(engine, &next_event, text, sizeof text - 1, &length, NULL)"
                        .into();
            }
            "limiter_reserve" => {
                call.open(step, "limiter", true);
                call.before.push("uint64_t wait_ns = 0;".into());
                call.then(format!(
                    "tidegate_limiter_reserve(engine, limiter, {key}, {}u, {}u, &wait_ns)",
                    whole("cost", 1),
                    whole("max_wait_ns", 0)
                ));
            }
            "limiter_refund" | "limiter_penalize" => {
                call.open(step, "limiter", true);
                let cost = whole("cost", 1);
                call.then(format!("tidegate_{name}(engine, limiter, {key}, {cost}u)"));
            }
            "limiter_block" => {
                call.open(step, "limiter", true);
                let for_ns = whole("for_ns", 0);
                call.then(format!(
                    "tidegate_{name}(engine, limiter, {key}, {for_ns}u)"
                ));
            }
            "limiter_allow" => {
                call.open(step, "limiter", true);
                let list = step["list"].as_str().unwrap_or_default().to_uppercase();
                call.then(format!(
                    "tidegate_{name}(engine, limiter, {key}, TIDEGATE_LIST_{list})"
                ));
            }
            "limiter_set_plan" => {
                call.open(step, "limiter", true);
                let plan = step["plan"].as_str().map_or("NULL".into(), quoted);
                call.then(format!("tidegate_{name}(engine, limiter, {key}, {plan})"));
            }
            "limiter_reconfigure" => {
                call.open(step, "limiter", true);
                let config = quoted(&step["config"].to_string());
                call.then(format!("tidegate_{name}(engine, limiter, {config})"));
            }
            "throttle_acquire" => {
                call.open(step, "throttle", true);
                call.then("tidegate_throttle_acquire(engine, throttle)".into());
            }
            "throttle_report" => {
                call.open(step, "throttle", true);
                let outcome = outcome(step);
                call.then(format!(
                    "tidegate_throttle_report(engine, throttle, {outcome})"
                ));
            }
            "guard_acquire" => {
                call.open(step, "guard", true);
                call.before
                    .push("tidegate_guard_permit permit = {0, 0};".into());
                call.before
                    .push("tidegate_guard_answer answer = {0, 0, 0};".into());
                call.prefix = "answer.";
                call.family = "TIDEGATE_GUARD_";
                call.then(format!(
                    "tidegate_guard_acquire(engine, guard, {key}, {}u, {}u, &permit, &answer)",
                    whole("cost", 1),
                    whole("attempt", 1)
                ));
                call.after.push("(void)permit;".into());
            }
            "guard_report" => {
                call.open(step, "guard", true);
                call.then(format!(
                    "tidegate_guard_report(engine, guard, {}, {}, {})",
                    permit(step),
                    outcome(step),
                    real("seconds")
                ));
            }
            "breaker_set_mode" => {
                call.open(step, "breaker", true);
                let mode = step["mode"].as_str().unwrap_or_default().to_uppercase();
                call.then(format!(
                    "tidegate_breaker_set_mode(engine, breaker, TIDEGATE_BREAKER_{mode})"
                ));
            }
            "allow_request" => {
                call.text = format!("tidegate_allow_request(engine, {}, {key})", text("limiter"));
            }
            "breaker_acquire" | "bulkhead_enter" | "bulkhead_enter_key" => {
                let (kind, key) = match name {
                    "breaker_acquire" => ("breaker", String::new()),
                    "bulkhead_enter" => ("bulkhead", String::new()),
                    _ => ("bulkhead", format!("{key}, ")),
                };
                call.open(step, kind, true);
                call.before.push("uint64_t permit = 0;".into());
                call.then(format!("tidegate_{name}(engine, {kind}, {key}&permit)"));
                call.after.push("(void)permit;".into());
            }
            "breaker_report" => {
                call.open(step, "breaker", true);
                call.then(format!(
                    "tidegate_breaker_report(engine, breaker, {}, {}, {})",
                    permit(step),
                    outcome(step),
                    real("seconds")
                ));
            }
            "breaker_state" => {
                call.open(step, "breaker", true);
                call.before
                    .push("tidegate_breaker_phase phase = -1;".into());
                call.family = "TIDEGATE_BREAKER_";
                call.then("tidegate_breaker_state(engine, breaker, &phase)".into());
            }
            "breaker_read" => {
                call.open(step, "breaker", true);
                call.before
                    .push("tidegate_breaker_reading reading = {0};".into());
                call.prefix = "reading.";
                call.family = "TIDEGATE_BREAKER_";
                call.then("tidegate_breaker_read(engine, breaker, &reading)".into());
            }
            "bulkhead_leave_with" => {
                call.open(step, "bulkhead", true);
                call.then(format!(
                    "tidegate_bulkhead_leave_with(engine, bulkhead, {}, {}, {})",
                    permit(step),
                    outcome(step),
                    real("seconds")
                ));
            }
            "bulkhead_read" => {
                call.open(step, "bulkhead", true);
                call.before
                    .push("tidegate_bulkhead_reading reading = {0, 0, 0};".into());
                call.prefix = "reading.";
                call.then("tidegate_bulkhead_read(engine, bulkhead, &reading)".into());
            }
            "bulkhead_leave" => {
                call.open(step, "bulkhead", true);
                call.then(format!(
                    "tidegate_bulkhead_leave(engine, bulkhead, {})",
                    permit(step)
                ));
            }
            "retry_next" => {
                call.open(step, "retry", true);
                call.before.push("uint64_t delay_ns = 0;".into());
                call.then(format!(
                    "tidegate_retry_next(engine, retry, {}u, &delay_ns)",
                    whole("attempt", 0)
                ));
            }
            "retry_next_after" => {
                call.open(step, "retry", true);
                call.before.push("uint64_t delay_ns = 0;".into());
                call.then(format!(
                    "tidegate_retry_next_after(engine, retry, {}u, {}u, {}u, &delay_ns)",
                    whole("attempt", 0),
                    whole("elapsed_ns", 0),
                    whole("server_retry_after_ns", 0)
                ));
            }
            "operation_record" => {
                call.open(step, "operation", false);
                let code = match step["error_code"].as_str() {
                    Some(code) => quoted(code),
                    None => "NULL".into(),
                };
                call.then(format!(
                    "tidegate_operation_record(engine, operation, {}, {}, {code})",
                    real("seconds"),
                    outcome(step)
                ));
            }
            "operation_read" => {
                call.open(step, "operation", false);
                call.before
                    .push("tidegate_operation_reading reading = {0};".into());
                call.prefix = "reading.";
                call.then(format!(
                    "tidegate_operation_read(engine, operation, {}, &reading)",
                    real("window_seconds")
                ));
            }
            "health" => {
                let probe = step["probe"].as_str().unwrap_or_default().to_uppercase();
                call.before
                    .push("tidegate_health_status status = -1;".into());
                call.before.push("int32_t http_status = 0;".into());
                call.family = "TIDEGATE_";
                call.text = format!(
                    "tidegate_health(engine, TIDEGATE_PROBE_{probe}, &status, &http_status)"
                );
            }
            "snapshot_render" => {
                call.before.push("size_t length = 0;".into());
                call.before
                    .push("tidegate_snapshot *snapshot = NULL;".into());
                call.before.push(
                    "NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)));".into(),
                );
                call.text =
                    "tidegate_snapshot_render(snapshot, TIDEGATE_FORMAT_JSON, NULL, 0, &length)"
                        .into();
                call.after.push("CHECK(length > 2);".into());
                call.after.push("tidegate_snapshot_free(snapshot);".into());
            }
            unknown => return Err(format!("no step is called {unknown}")),
        }
        Ok(call)
    }

    /// Expects the numbers of a decision.
    fn decides(&mut self) {
        self.before
            .push("tidegate_decision decision = {0, 0, 0, 0};".into());
        self.prefix = "decision.";
    }

    /// Expects a text.
    fn writes(&mut self) {
        self.is_text = true;
        self.before.push("static char text[20000];".into());
        self.before.push("size_t length = 0;".into());
    }

    /// Opens the metric or guard that the step names; `is_guard` when it is in the configuration.
    fn open(&mut self, step: &Value, kind: &str, is_guard: bool) {
        let name = quoted(step[kind].as_str().unwrap_or_default());
        let options: serde_json::Map<String, Value> = ["labels", "help", "unit", "relative_error"]
            .into_iter()
            .filter_map(|field| Some((field.to_owned(), step.get(field)?.clone())))
            .collect();
        let options = if is_guard {
            "NULL".into()
        } else {
            quoted(&Value::Object(options).to_string())
        };
        self.before.push(format!("tidegate_{kind} {kind};"));
        self.before.push(format!(
            "tidegate_status opened = tidegate_{kind}_open(engine, {name}, {options}, &{kind});"
        ));
    }

    /// The call, made only if opening went well; otherwise its status is the step's.
    fn then(&mut self, call: String) {
        self.text = format!("opened != TIDEGATE_OK ? opened : {call}");
    }
}

/// The key of a step, and its length.
fn key_of(step: &Value) -> String {
    match step["key"].as_str() {
        Some(key) => format!("{}, {}", quoted(key), key.len()),
        None => "NULL, 0".into(),
    }
}

/// A check that the text has this field, or, with a list, the field of each line.
fn text_has(field: &str, wanted: &Value) -> String {
    let (each, parts) = match wanted {
        Value::Array(all) => (
            format!("\"{field}\":"),
            all.iter()
                .map(|one| quoted(&format!("\"{field}\":{one}")))
                .collect(),
        ),
        one => {
            let line = format!("{field}: {}\r\n", one.as_str().unwrap_or_default());
            (format!("{field}: "), vec![quoted(&line)])
        }
    };
    format!(
        "text_has(__LINE__, text, {}, {}, (const char *const[]){{{}}});",
        quoted(&each),
        parts.len(),
        if parts.is_empty() {
            "NULL".into()
        } else {
            parts.join(", ")
        }
    )
}

fn permit(step: &Value) -> String {
    format!("permit_{}", step["permit"].as_str().unwrap_or_default())
}

fn outcome(step: &Value) -> String {
    let outcome = step["outcome"].as_str().unwrap_or_default();
    format!("TIDEGATE_OUTCOME_{}", outcome.to_uppercase())
}

fn double(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "(double)NAN".into(), |value| format!("{value:?}"))
}

fn array(values: &Value) -> String {
    let values = values.as_array().into_iter().flatten().map(double);
    values.collect::<Vec<_>>().join(", ")
}

/// A C string of these bytes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' if byte != b'?' => out.push(char::from(byte)),
            // Three octal digits: no digit after it can belong to it.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}
