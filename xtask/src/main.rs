//! `cargo xtask COMMAND`: the steps that CI runs, one command each.
//!
//! A gate compares something generated with what is committed, and says which command rewrites
//! it. Nothing here is needed to build or use the library; see CONTRIBUTING.md for when to run
//! what.

mod abi_layout;
mod bench;
mod bindings;
mod c_tests;
mod ci;
mod committed;
mod conformance;
mod digest;
mod golang;
mod header;
mod install;
mod nightly;
mod node;
mod peers;
mod process;
mod python;
mod symbols;
mod tools;

use std::process::ExitCode;

/// What a step gives back: nothing, or a sentence for the person who has to mend it.
type Outcome = Result<(), String>;

const HELP: &str = "\
usage: cargo xtask COMMAND

  ci [STEP…]            every step that CI runs, in order, or only those named
  step STEP             one step, without the summary
  header [--write]      compare include/tidegate.h with what src/ffi gives, or rewrite it
  symbols [--write]     compare the exported symbols with tests/abi/symbols.txt
  layout-abi [--write]  compare sizes, offsets and constants with tests/abi/layout.txt
  c-tests [NAME…]       compile the header and tests/c, run the programs, shared and static
  memcheck [NAME…]      run the same programs under valgrind
  node [NAME…]          build the Node package and run its tests
  bindings [--write]    every C function is bound in every language, or excused
  python [ARGUMENT…]    install the Python package in target/python and run its tests
  bench [--save|--smoke]  benches in C, beside the peers, and criterion's; --save keeps them
                        in benches/results, --smoke only shows that they run
  install [--prefix DIR] [--destdir DIR]    library, header, pkg-config file, tidegate program
  uninstall [--prefix DIR] [--destdir DIR]  remove them again
  install-check         install into a scratch folder, build against it, run
  peers                 compare with peers from the registries: tests/peers, one after the other
  deny                  licences, advisories and sources of the dependencies
  miri, tsan            nightly Rust: undefined behaviour, data races
  help                  this text

Steps of ci: ";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "ci" => ci::run(rest),
        "step" => match rest {
            [name] => ci::run_step(name),
            _ => Err("the name of one step must follow".into()),
        },
        "header" => writes(rest).and_then(header::run),
        "symbols" => writes(rest).and_then(symbols::run),
        "layout-abi" => writes(rest).and_then(abi_layout::run),
        "c-tests" => c_tests::run(rest),
        "memcheck" => c_tests::memcheck(rest),
        "node" => node::run(rest),
        "bindings" => writes(rest).and_then(bindings::run),
        "python" => python::run(rest),
        "bench" => bench::run(rest),
        "install" => install::install(rest),
        "uninstall" => install::uninstall(rest),
        "install-check" => install::check(),
        "peers" => peers::run(),
        "deny" => nightly::deny(),
        "miri" => nightly::miri(),
        "tsan" => nightly::tsan(),
        "help" | "--help" | "-h" => {
            println!("{HELP}{}", ci::step_names().join(", "));
            Ok(())
        }
        other => Err(format!(
            "there is no command {other}: see `cargo xtask help`"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask {command}: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a gate shall rewrite its committed file.
fn writes(arguments: &[String]) -> Result<bool, String> {
    match arguments {
        [] => Ok(false),
        [flag] if flag == "--write" => Ok(true),
        _ => Err("only --write may follow".into()),
    }
}
