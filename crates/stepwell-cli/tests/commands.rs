//! Help texts, completions and environment variables.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{fs::OpenOptions, process::Stdio};

use support::{
    Running, TestDirectory, example,
    pipelines::{AllJobs, Held, holding},
    run, stepwell,
    terminal::{Stream, on_a_terminal},
};

const COMMANDS: [&str; 6] = ["run", "validate", "list", "status", "stop", "completions"];

#[test]
fn without_a_command_the_help_is_shown_and_it_is_2() {
    let left = run(&[]);
    assert_eq!(left.code, Some(2));
    assert!(left.stderr.contains("Usage: stepwell"), "{}", left.stderr);
    let left = run(&["lst"]);
    assert_eq!(left.code, Some(2));
    assert!(
        left.stderr.contains("similar") && left.stderr.contains("'list'"),
        "{}",
        left.stderr
    );
}

#[test]
fn every_help_is_grouped_and_ends_with_examples_that_are_commands() {
    for command in COMMANDS {
        let left = run(&[command, "--help"]);
        assert_eq!(left.code, Some(0));
        let (options, examples) = left.stdout.split_once("\nExamples:\n").unwrap();
        assert!(options.contains("\nOutput:\n"), "{command}: {options}");
        assert_eq!(
            options.contains("\nServer:\n"),
            command != "completions",
            "{command}"
        );
        let named = format!("stepwell {command} ");
        assert!(examples.contains(&named), "{command}: {examples}");
    }
    let run_help = run(&["run", "-h"]).stdout;
    for heading in [
        "Arguments",
        "Query",
        "Pipeline",
        "Waiting and stopping",
        "Server",
        "Output",
    ] {
        assert!(
            run_help.contains(&format!("\n{heading}:\n")),
            "{heading}: {run_help}"
        );
    }
}

/// Each word of a help text for a narrow terminal is also in the one for a wide terminal, or is longer than a line.
#[test]
fn no_help_breaks_a_word_at_any_width() {
    for command in COMMANDS {
        for help in ["-h", "--help"] {
            let shown = |width| {
                let (code, shown) = on_a_terminal(
                    stepwell(&[command, help, "--color", "never"]),
                    Stream::Output,
                    width,
                );
                assert_eq!(code, Some(0));
                shown
            };
            let whole = shown(100);
            let words: Vec<_> = whole.split_whitespace().collect();
            for width in [30, 47, 60, 80] {
                let text = shown(width);
                for word in text.split_whitespace() {
                    assert!(
                        words.contains(&word),
                        "{word:?} of {command} {help} at {width} columns"
                    );
                }
                assert_eq!(text.split_whitespace().count(), words.len());
            }
        }
    }
}

#[test]
fn a_help_is_coloured_on_a_terminal_unless_it_is_unwanted() {
    let shown = |arguments: &[&str], variable: Option<&str>| {
        let mut command = stepwell(arguments);
        command.envs(variable.map(|name| (name, "1")));
        on_a_terminal(command, Stream::Output, 80).1
    };
    assert!(shown(&["list", "-h"], None).contains('\u{1b}'));
    assert!(!shown(&["list", "-h"], Some("NO_COLOR")).contains('\u{1b}'));
    assert!(!shown(&["list", "-h", "--color=never"], None).contains('\u{1b}'));
    assert!(
        run(&["--color", "always", "list", "-h"])
            .stdout
            .contains('\u{1b}')
    );
    assert!(!run(&["list", "-h"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_help_or_script_that_cannot_be_written_is_1() {
    for arguments in [&["--help"][..], &["completions", "bash"]] {
        let mut command = stepwell(arguments);
        command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let left = Running::start(command).finish();
        assert_eq!(left.code, Some(1), "{arguments:?}: {}", left.stderr);
        assert!(
            left.stderr.contains("standard output could not be written"),
            "{}",
            left.stderr
        );
    }
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let left = run(&["completions", shell]);
        assert_eq!((left.code, left.stderr.as_str()), (Some(0), ""));
        for word in COMMANDS.into_iter().chain(["state-dir"]) {
            assert!(left.stdout.contains(word), "{shell} has no {word}");
        }
    }
}

#[test]
fn a_state_directory_wins_over_a_server_in_the_environment() {
    let server = holding(Vec::new(), AllJobs::Whose);
    let directory = TestDirectory::new();
    let finite = example("finite.sql");
    let mut command = stepwell(&["run", "-s", &directory.text("state"), &finite]);
    command.env("STEPWELL_SERVER", &server.url);
    let left = Running::start(command).finish();
    assert_eq!(
        (left.code, left.stdout.lines().count()),
        (Some(0), 5),
        "{}",
        left.stderr
    );
    assert_eq!(server.requests(), [""; 0]);

    let left = run(&[
        "run",
        "-s",
        &directory.text("state"),
        "--server",
        &server.url,
        &finite,
    ]);
    assert_eq!(left.code, Some(2));
    assert!(
        left.stderr
            .contains("--state-dir is for the embedded engine"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_variable_that_is_empty_is_as_none() {
    let directory = TestDirectory::new();
    let mut command = stepwell(&[
        "run",
        &directory.write("orders.sql", std::fs::read(example("finite.sql")).unwrap()),
    ]);
    command
        .current_dir(directory.path(""))
        .env("STEPWELL_SERVER", "")
        .env("STEPWELL_TOKEN", "")
        .env("STEPWELL_CA_FILE", "")
        .env("TMPDIR", "");
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let entries = std::fs::read_dir(directory.path("")).unwrap().count();
    assert_eq!(entries, 1, "the state is not in the current directory");

    let left = run(&["run", "--server", "", &example("finite.sql")]);
    assert_eq!(left.code, Some(2));
    assert!(left.stderr.contains("--server is empty"), "{}", left.stderr);
}

#[test]
fn a_pipeline_is_named_after_its_file() {
    let directory = TestDirectory::new();
    let text = std::fs::read(example("finite.sql")).unwrap();
    let file = directory.write("orders.sql", &text);
    let plan = |arguments: &[&str], stdin: Stdio| {
        let mut command = stepwell(&[&["run", "--dry-run"], arguments].concat());
        command.stdin(stdin);
        Running::start(command).finish().stderr
    };
    let named = plan(&[&file], Stdio::null());
    assert!(
        named.contains("would create pipeline \"orders\""),
        "{named}"
    );
    let named = plan(&["-n", "mine", &file], Stdio::null());
    assert!(named.contains("would create pipeline \"mine\""), "{named}");
    let named = plan(&[], std::fs::File::open(&file).unwrap().into());
    assert!(named.contains("would create pipeline \"query\""), "{named}");
}

#[test]
fn a_token_file_may_begin_with_a_byte_order_mark() {
    let directory = TestDirectory::new();
    let server = holding(
        vec![Held::new("pl_1", "orders", "Running", 1)],
        AllJobs::Whose,
    );
    let token = directory.write("token", "\u{feff}t0p-s3cret\r\n");
    let left = run(&["list", "--server", &server.url, "--token-file", &token]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(server.received().contains("Bearer t0p-s3cret\r\n"));
}
