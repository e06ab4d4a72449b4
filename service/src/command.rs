//! What a program can do beside its service: `hash-processor dead-letters list`, `api-gateway check`.
//!
//! Each program hands its table of commands to [`main`](crate::main). A command takes every setting that the service
//! takes, from the same layers, and shows in its help those that matter to it:
//!
//! ```
//! # use std::process::ExitCode;
//! # use service::{Command, settings::ProcessorSettings};
//! #[derive(clap::Args)]
//! struct Greeting {
//!     /// Whom to greet
//!     #[arg(long, value_name = "name", default_value = "world")]
//!     whom: String,
//! }
//!
//! fn commands() -> Vec<Command<ProcessorSettings>> {
//!     let greet = |settings: ProcessorSettings, greeting: Greeting| {
//!         println!("{}: hello {}", settings.group_id, greeting.whom);
//!         Ok(ExitCode::SUCCESS)
//!     };
//!     vec![Command::new("greet", "Say hello", greet).uses(&["SERVICE_2_GROUP_ID"])]
//! }
//! ```

use std::fmt;
use std::process::ExitCode;

use clap::{ArgMatches, Args};

/// Runs a command with the settings and what was given of its own arguments.
type Run<T> = Box<dyn Fn(T, &ArgMatches) -> anyhow::Result<ExitCode>>;

/// Something other than running the service, asked for by its name on the command line.
pub struct Command<T> {
    shape: clap::Command,
    settings: &'static [&'static str],
    act: Act<T>,
}

enum Act<T> {
    Run(Run<T>),
    /// One of these is asked for by a further word.
    Group(Vec<Command<T>>),
}

impl<T> Command<T> {
    /// A command with `help`, one line without a full stop. Its own arguments are those of `A`, which is `()` where
    /// there are none.
    ///
    /// What `run` returns as an error is said on stderr with all its causes, with exit status 1, so it should say
    /// what to do. A command speaks to a person: its result belongs on stdout, the rest on stderr; see
    /// [`terminal`](crate::terminal).
    pub fn new<A: Args>(
        name: &'static str,
        help: &'static str,
        run: impl Fn(T, A) -> anyhow::Result<ExitCode> + 'static,
    ) -> Self {
        let run = move |settings, matches: &ArgMatches| run(settings, A::from_arg_matches(matches)?);
        let shape = A::augment_args(clap::Command::new(name)).about(help);
        Self { shape, settings: &[], act: Act::Run(Box::new(run)) }
    }

    /// Several commands under one word.
    pub fn group(name: &'static str, help: &'static str, commands: Vec<Self>) -> Self {
        let shape = clap::Command::new(name)
            .about(help)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true);
        Self { shape, settings: &[], act: Act::Group(commands) }
    }

    /// The settings, as environment variables, that its help lists. It takes all others, too.
    #[must_use]
    pub fn uses(mut self, settings: &'static [&'static str]) -> Self {
        self.settings = settings;
        self
    }

    /// What stands at the end of its help: examples, exit statuses.
    #[must_use]
    pub fn details(mut self, text: &'static str) -> Self {
        self.shape = self.shape.after_help(text);
        self
    }

    /// What the command line has to know of it.
    pub(crate) fn outline(&self) -> Outline {
        let commands = match &self.act {
            Act::Run(_) => Vec::new(),
            Act::Group(commands) => commands.iter().map(Self::outline).collect(),
        };
        Outline { shape: self.shape.clone(), settings: self.settings, commands }
    }
}

impl<T> fmt::Debug for Command<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Command").field(&self.shape.get_name()).finish()
    }
}

/// A command without what it does.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) shape: clap::Command,
    /// Those that its help lists.
    pub(crate) settings: &'static [&'static str],
    /// The commands of a group.
    pub(crate) commands: Vec<Outline>,
}

/// A command that the command line asks for: its words, and what it gave of its arguments.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) words: Vec<String>,
    pub(crate) matches: ArgMatches,
}

impl Chosen {
    /// Follows `matches` of a whole command line to the innermost command; none if the service is to run.
    pub(crate) fn of(mut matches: ArgMatches) -> Option<Self> {
        let mut words = Vec::new();
        while let Some((word, inner)) = matches.remove_subcommand() {
            words.push(word);
            matches = inner;
        }
        (!words.is_empty()).then_some(Self { words, matches })
    }

    /// Runs it.
    ///
    /// # Errors
    /// What the command returns.
    pub(crate) fn run<T>(&self, commands: &[Command<T>], settings: T) -> anyhow::Result<ExitCode> {
        let mut commands = commands;
        for word in &self.words {
            let command = commands.iter().find(|command| command.shape.get_name() == word);
            match &command.expect("the command line was read by the same table").act {
                Act::Run(run) => return run(settings, &self.matches),
                Act::Group(inner) => commands = inner,
            }
        }
        unreachable!("a group without one of its commands is refused when the command line is read")
    }
}
