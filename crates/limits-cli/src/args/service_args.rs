//! The services of the host that the command line gives.

use std::path::PathBuf;

/// Services that the guest finds refused without their option.
#[derive(clap::Args, Clone, Debug, Default, Eq, PartialEq)]
#[command(next_help_heading = "Services, as far as the component's [capabilities] allow")]
pub(crate) struct ServiceArgs {
    /// Gives the guest TCP sockets and look-ups of names. As with --udp and --http, private and
    /// loopback addresses need an address or CIDR in the operator's policy, such as
    /// `capabilities.network.connect = ["127.0.0.1:8080"]` in its `[ceiling]`: neither a name, nor
    /// `**`, nor Component.toml gives them.
    #[arg(long)]
    pub(crate) tcp: bool,
    /// Gives the guest UDP sockets and look-ups of names.
    #[arg(long)]
    pub(crate) udp: bool,
    /// Gives the guest HTTP requests.
    #[arg(long)]
    pub(crate) http: bool,
    /// Trusts the certificates of FILE, in PEM, beside the default roots of --http.
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) ca: Option<PathBuf>,
    /// Gives the guest keys and values, which the database FILE keeps from run to run. It is made
    /// if it is not there.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyvalue: Option<PathBuf>,
    /// Takes the guest's messages, and appends them to FILE, each as a line of JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
}

impl ServiceArgs {
    /// Returns the files that the options name, which no guest and no report may write.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.ca, &self.keyvalue, &self.messages].into_iter().flatten()
    }
}
