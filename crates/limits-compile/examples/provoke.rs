//! A worker for the tests: restricted as any other, it does what its source says.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    limits_compile::testing::serve_and(act)
}

/// Does a forbidden act. The system ends the process in it, or refuses it; with the code 9 the
/// process says that it was done.
fn act(what: &[u8]) {
    match what {
        b"open" => fails(File::open("/etc/hostname")),
        b"create" => fails(File::create("/tmp/limits-compile-provoke")),
        b"list" => fails(std::fs::read_dir("/")),
        b"tcp" => drop(TcpListener::bind("127.0.0.1:0")),
        b"udp" => drop(UdpSocket::bind("127.0.0.1:0")),
        b"exec" => drop(Command::new("/bin/true").status()),
        b"thread" => drop(std::thread::Builder::new().spawn(|| ())),
        b"signal" => drop(rustix::process::kill_process(
            rustix::process::getppid().unwrap_or(rustix::process::Pid::INIT),
            rustix::process::Signal::HUP,
        )),
        b"limit" => drop(rustix::process::setrlimit(
            rustix::process::Resource::Cpu,
            rustix::process::Rlimit { current: None, maximum: None },
        )),
        // Loading compiled code maps executable memory.
        b"code" => {
            let module = "(module (func (export \"f\") (result i32) (i32.const 1)))";
            let bytes = wat::parse_str(module).unwrap_or_default();
            drop(wasmtime::Module::new(&wasmtime::Engine::default(), bytes));
        }
        // None of these is forbidden: the budget and the host's bounds end it.
        b"spin" => loop {
            core::hint::spin_loop();
        },
        b"sleep" => std::thread::sleep(core::time::Duration::from_secs(3_600)),
        b"allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
            }
        }
        b"recurse" => drop(recurse(0)),
        b"panic" => std::process::abort(),
        _ => {}
    }
}

fn fails<T>(done: std::io::Result<T>) {
    if done.is_ok() {
        std::process::exit(9);
    }
}

#[expect(unconditional_recursion, reason = "to overflow the stack")]
fn recurse(depth: u64) -> u64 {
    let page = [depth; 512];
    core::hint::black_box(&page);
    recurse(depth + 1) + page[7]
}
