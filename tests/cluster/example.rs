//! The control plane of the tests for a person: starts it, prints how to reach it, and stops it
//! on Ctrl-C, on SIGTERM or when stdin closes.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

#[path = "mod.rs"]
mod cluster;

use std::io::{self, Read as _};
use std::process::ExitCode;

use clap::Parser;

/// Starts the control plane of the tests (built first where it is missing)
#[derive(Parser)]
struct Args {
    /// Number and memory of the nodes
    #[arg(long, value_name = "COUNTxMEMORY", default_value = "3x8Gi", value_parser = nodes)]
    nodes: cluster::Nodes,

    /// Fill each node to this percentage of its memory, by requests
    #[arg(long, value_name = "PERCENT")]
    fill: Option<u64>,
}

fn nodes(text: &str) -> Result<cluster::Nodes, String> {
    let (count, memory) = text.split_once('x').ok_or("give it like 3x2Gi")?;
    let count = count
        .parse()
        .map_err(|_| format!("`{count}` is not a number of nodes"))?;
    let nodes = cluster::Nodes {
        count,
        memory: memory.to_owned().leak(),
        ..cluster::Nodes::default()
    };
    nodes.memory_bytes()?;
    Ok(nodes)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let cluster = match cluster::Cluster::try_start(args.nodes) {
        Ok(cluster) => cluster,
        Err(message) => {
            println!("# {message}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(percent) = args.fill {
        cluster.fill(percent);
    }
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!(
        "# logs of the control plane: {}/*.log",
        cluster.dir().display()
    );
    println!("# Ctrl-C stops it and leaves nothing behind");
    // A signal ends this process at once; the supervisor sees that and cleans up.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
