//! The service under test: one binary, its roles as subcommands.

fn main() -> std::process::ExitCode {
    skeldir::cli::run()
}
