//! A service that does what its words say, one after another: the only program in the images of these tests. Compiled
//! by the tests themselves, without any library, into a static program.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process, thread,
    time::Duration,
};

fn main() {
    for word in env::args().skip(1) {
        let (act, what) = word.split_once(':').unwrap_or((word.as_str(), ""));
        match act {
            "say" => say(what),
            "cry" => eprintln!("{what}"),
            "env" => say(&env::var(what).unwrap_or_else(|_| "is not set".to_owned())),
            "sleep" => thread::sleep(Duration::from_millis(number(what))),
            "forever" => loop {
                thread::sleep(Duration::from_secs(600));
            },
            "exit" => process::exit(number(what) as i32),
            "append" => {
                let (path, text) = what.split_once('=').expect("append:PATH=TEXT");
                append(path, text);
            }
            "read" => {
                let bytes = fs::read(what).unwrap_or_else(|error| error.to_string().into_bytes());
                say(&String::from_utf8_lossy(&bytes).replace('\0', "\n"));
            }
            "list" => {
                let mut names: Vec<String> = fs::read_dir(what)
                    .map(|entries| entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
                    .unwrap_or_default();
                names.sort();
                say(&names.join(" "));
            }
            "need" => {
                if fs::metadata(what).is_err() {
                    say(&format!("no {what}"));
                    process::exit(1);
                }
            }
            "beat" => {
                let path = what.to_owned();
                thread::spawn(move || {
                    loop {
                        append(&path, "x");
                        thread::sleep(Duration::from_millis(20));
                    }
                });
            }
            "listen" => listen(what),
            "ask" => say(&ask(what)),
            "hold" => {
                // Kept open until the end.
                std::mem::forget(TcpStream::connect(what).expect("connected"));
            }
            "stdin" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).expect("read");
                say(&text);
            }
            "who" => {
                let status = fs::read_to_string("/proc/self/status").expect("status");
                for line in status.lines().filter(|l| l.starts_with("Uid") || l.starts_with("CapEff")) {
                    say(&line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
                }
            }
            "eat" => {
                let mut eaten = Vec::new();
                for _ in 0..number(what) {
                    eaten.push(vec![1_u8; 1 << 20]);
                }
                say(&format!("ate {}", eaten.len()));
            }
            _ => say(&format!("no such word: {word}")),
        }
    }
}

fn say(text: &str) {
    println!("{text}");
    std::io::stdout().flush().expect("heard");
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn append(path: &str, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("opened");
    file.write_all(text.as_bytes()).expect("written");
}

/// Tell everybody who connects who we are.
fn listen(port: &str) {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}")).expect("bound");
    let name = env::var("NAME").unwrap_or_default();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let name = name.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let _ = writeln!(stream, "{name}");
                let _ = stream.read(&mut [0]);
            });
        }
    });
}

fn ask(place: &str) -> String {
    match TcpStream::connect(place) {
        Err(error) => format!("no answer from {place}: {error}"),
        Ok(mut stream) => {
            let mut line = Vec::new();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap_or(0) == 1 && byte[0] != b'\n' {
                line.push(byte[0]);
            }
            String::from_utf8_lossy(&line).into_owned()
        }
    }
}
