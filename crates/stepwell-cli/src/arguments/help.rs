//! The end of each help text. The lines are short, so that a terminal of the usual width does not wrap them.

pub(super) const STEPWELL: &str = "\
Examples:
  stepwell run examples/hello.sql             run on the embedded engine
  stepwell run -s state examples/hello.sql    keep the state, resume next time
  stepwell run --server http://host:5115 examples/hello.sql
  stepwell validate examples/hello.sql
  stepwell run --help                         more about a command

Exit codes:
  0 finished, or stopped on request    5 refused
  1 unexpected error                   6 the job failed
  2 usage                              7 timed out
  3 invalid query                      8 outcome unknown
  4 cannot connect                     128 + n: ended by signal n";

pub(super) const RUN: &str = "\
Examples:
  stepwell run query.sql             run on the embedded engine
  stepwell run -s state query.sql    keep the state in ./state; the same
                                     command resumes from it
  stepwell run --server http://host:5115 query.sql
  stepwell run --server http://host:5115 --detach --timeout 5m query.sql
  echo 'SELECT …' | stepwell run -n orders

The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const VALIDATE: &str = "\
Examples:
  stepwell validate query.sql
  stepwell validate --server http://host:5115 --udf f.rs query.sql

Without a server, the embedded engine checks the query.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const LIST: &str = "\
Examples:
  stepwell list --server http://host:5115
  stepwell list --state running,failed --sort name
  stepwell list --name 'orders-*' --output json
  stepwell list --state-dir state --watch

With --output json, standard output has one JSON object per pipeline; with
--watch, one per change.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const STATUS: &str = "\
Examples:
  stepwell status --server http://host:5115 orders
  stepwell status --output json pl_aPfTVLdeeM
  stepwell status --state-dir state hello

The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const STOP: &str = "\
Examples:
  stepwell stop --server http://host:5115 orders
  stepwell stop --stop-mode immediate --stop-timeout 30s pl_aPfTVLdeeM

Ctrl-C after the stop was sent keeps waiting for it; press Ctrl-C again to
quit immediately.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const START: &str = "\
Examples:
  stepwell start --server http://host:5115 orders
  stepwell start --stable-for 10s --timeout 10m pl_aPfTVLdeeM

Ctrl-C ends the waiting; the pipeline is left as it is.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const RESTART: &str = "\
Examples:
  stepwell restart --server http://host:5115 orders
  stepwell restart --stop-timeout 10m pl_aPfTVLdeeM

Ctrl-C after the stop was sent does not leave the pipeline stopped: it is
started first. Press Ctrl-C again to quit immediately.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const UPDATE: &str = "\
Examples:
  stepwell update --server http://host:5115 --parallelism 4 orders
  stepwell update --checkpoint-interval 30s pl_aPfTVLdeeM
  stepwell update --env LOG_LEVEL=debug --unset-env TRACE orders
  PASSWORD=… stepwell update --env PASSWORD orders

Other users of this machine can see the arguments of a process, so pass a
secret without its value, as in the last example.
A server up to 0.15 ignores the environment and the scheduler configuration;
that is a warning.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const REPLACE: &str = "\
Examples:
  stepwell replace --server http://host:5115 orders orders.sql
  stepwell replace --dry-run pl_aPfTVLdeeM orders.sql
  stepwell replace --keep-old --stable-for 5m orders orders.sql

The query is checked before anything is touched. A changed query starts from
nothing; the state of the old one is not carried over.
Ctrl-C lets it complete or roll back; press Ctrl-C again to quit immediately.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const DELETE: &str = "\
Examples:
  stepwell delete --server http://host:5115 orders
  stepwell delete --stop pl_aPfTVLdeeM pl_9dK2hGq1xy
  stepwell delete --state-dir state hello

A pipeline that runs is refused without --stop. All pipelines are looked for
before the first is deleted, so nothing is deleted if one is mistyped.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const WAIT: &str = "\
Examples:
  stepwell wait --server http://host:5115 orders
  stepwell wait --for finished --timeout 1h pl_aPfTVLdeeM

Exit codes:
  0 it is so                  6 it has failed
  5 it can no longer be so    7 not so within --timeout

The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const LOGS: &str = "\
Examples:
  stepwell logs --server http://host:5115 orders
  stepwell logs --follow orders
  stepwell logs --output json pl_aPfTVLdeeM | jq .details

With --output json, standard output has one JSON object per error.
The API token is read from STEPWELL_TOKEN or --token-file.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  stepwell completions bash > \\
    ~/.local/share/bash-completion/completions/stepwell
  stepwell completions zsh > ~/.zfunc/_stepwell
  stepwell completions fish > ~/.config/fish/completions/stepwell.fish";
