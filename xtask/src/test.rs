//! `cargo xtask test`: every check of the project, one after the other.

mod browser;
mod steps;

use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::shell::Outcome;
use crate::workspace::Workspace;
use steps::Session;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run these steps only, in the project's order.
    #[arg(value_name = "STEP")]
    steps: Vec<Step>,
    /// Leave out what needs node: package, types and browser.
    #[arg(long, conflicts_with = "steps")]
    quick: bool,
}

/// The steps in their order: what fails in seconds comes before what takes minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The sources are formatted.
    Format,
    /// The protocol crate uses no clock, randomness, I/O or target.
    Purity,
    /// No warning from the compiler or clippy, in any crate or test.
    Lint,
    /// The same for the browser SDK as it is compiled for a browser.
    Wasm,
    /// No warning from rustdoc.
    Docs,
    /// All Rust tests, those in the documentation included.
    Rust,
    /// The npm package builds, keeps within its size and packs.
    Package,
    /// The packed package's types say what the type samples expect.
    Types,
    /// The packed package works in a real browser, against the real server.
    Browser,
}

impl Step {
    const NEED_NODE: [Self; 3] = [Self::Package, Self::Types, Self::Browser];

    fn run(self, session: &mut Session<'_>) -> Outcome {
        match self {
            Self::Format => session.format(),
            Self::Purity => session.purity(),
            Self::Lint => session.lint(),
            Self::Wasm => session.wasm(),
            Self::Docs => session.docs(),
            Self::Rust => session.rust(),
            Self::Package => session.package(),
            Self::Types => session.types(),
            Self::Browser => session.browser(),
        }
    }

    /// The name that the command line knows it by.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Options {
    fn chosen(&self) -> Vec<Step> {
        let wanted = |step: &Step| {
            let named = self.steps.is_empty() || self.steps.contains(step);
            named && !(self.quick && Step::NEED_NODE.contains(step))
        };
        Step::value_variants().iter().copied().filter(wanted).collect()
    }
}

/// Runs the chosen steps and stops at the first that fails. The times of those that ran are printed either way.
pub(crate) fn test(workspace: &Workspace, options: &Options) -> Outcome {
    let steps = options.chosen();
    let mut session = Session::new(workspace);
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (index, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", index + 1, steps.len(), step.name());
        let start = Instant::now();
        outcome = step.run(&mut session).map_err(|failure| format!("step `{}`: {failure}", step.name()));
        times.push((*step, start.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    print_times(&times, outcome.is_ok());
    print!("{}", session.closing());
    outcome
}

fn print_times(times: &[(Step, Duration)], passed: bool) {
    println!("\n{:<10} {:>8}", "step", "seconds");
    for (index, (step, time)) in times.iter().enumerate() {
        let failed = !passed && index + 1 == times.len();
        println!("{:<10} {:>8.1}{}", step.name(), time.as_secs_f64(), if failed { "  failed" } else { "" });
    }
    let together: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:<10} {:>8.1}\n", "together", together.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::{Options, Step};

    #[test]
    fn named_steps_keep_the_order_of_the_project() {
        let options = Options { steps: vec![Step::Browser, Step::Format], quick: false };
        assert_eq!(options.chosen(), [Step::Format, Step::Browser]);
    }

    #[test]
    fn quick_needs_no_node() {
        let options = Options { steps: vec![], quick: true };
        assert_eq!(options.chosen(), [Step::Format, Step::Purity, Step::Lint, Step::Wasm, Step::Docs, Step::Rust]);
    }
}
