//! The table: what was wanted, what was measured, and whether that is enough.

use std::{fmt::Write as _, fs, path::Path, process::Command};

/// How much is enough.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast {
        must: f64,
        stretch: f64,
    },
    AtMost {
        must: f64,
        stretch: f64,
    },
    /// There is none: a figure beside the others.
    None,
}

struct Row {
    what: String,
    goal: Goal,
    measured: f64,
    figures: String,
}

#[derive(Default)]
pub struct Results(Vec<Row>);

impl Results {
    /// Adds a row, and prints it.
    pub fn add(&mut self, what: impl Into<String>, goal: Goal, measured: f64, figures: String) {
        let row = Row { what: what.into(), goal, measured, figures };
        println!("{}", row.line());
        self.0.push(row);
    }

    /// Writes all of it to a file.
    pub fn write(&self, path: &Path) {
        let mut text = String::from("# Results\n\nWritten by `benches/run`.\n\n");
        for (name, value) in machine() {
            let _ = writeln!(text, "* {name}: {value}");
        }
        text.push_str(EXPLANATION);
        text.push_str(HEAD);
        for row in &self.0 {
            let _ = writeln!(text, "{}", row.line());
        }
        fs::write(path, text).expect("the results can be written");
    }
}

impl Row {
    fn line(&self) -> String {
        let Self { what, measured, figures, .. } = self;
        let (goal, verdict) = (self.goal(), self.verdict());
        format!("| {what} | {goal} | {} | {verdict} | {figures} |", short(*measured))
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::AtLeast { must, stretch } => format!("≥ {} (≥ {})", short(must), short(stretch)),
            Goal::AtMost { must, stretch } => format!("≤ {} (≤ {})", short(must), short(stretch)),
            Goal::None => String::new(),
        }
    }

    fn verdict(&self) -> &'static str {
        let (must, stretch) = match self.goal {
            Goal::AtLeast { must, stretch } => (self.measured >= must, self.measured >= stretch),
            Goal::AtMost { must, stretch } => (self.measured <= must, self.measured <= stretch),
            Goal::None => return "",
        };
        match (must, stretch) {
            (true, true) => "stretch",
            (true, false) => "must",
            (false, _) => "**missed**",
        }
    }
}

/// Three digits, or all before the point.
pub fn short(value: f64) -> String {
    let digits = match value.abs() {
        big if big >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{:.digits$}", value + 0.0);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Machine, compiler, commit and date.
fn machine() -> [(&'static str, String); 5] {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    [
        ("machine", format!("{cores} × {}", cpu.trim_start_matches([' ', '\t', ':']))),
        ("load when it was done", load.split(' ').next().unwrap_or_default().to_owned()),
        ("compiler", said_by("rustc", &["--version"])),
        ("commit", said_by("git", &["describe", "--always", "--dirty"])),
        ("date", said_by("date", &["-u", "+%Y-%m-%d"])),
    ]
}

fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
    )
}

const EXPLANATION: &str = "
What a layer costs is its overhead: the median of the differences to the bare service, taken in turns within one
process. A goal is what must be, and in parentheses what is wanted. Peers check issuer, audience, expiry and scope.
Times are nanoseconds for one request, unless it says otherwise. Each turn begins with some requests that are not timed.

";

const HEAD: &str = "| what | goal | measured | verdict | figures |\n|---|---|--:|---|---|\n";
