//! A wire to a server on this machine that counts what goes over it, and may be cut or held.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// What happens to what the client says, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// The wire is cut before these words reach the server.
    CutBefore(&'static str),
    /// The wire is cut when these words have reached the server, and before its answer comes back.
    CutAfter(&'static str),
}

#[derive(Default)]
struct State {
    trips: AtomicU32,
    /// Did the server speak last?
    answered: AtomicBool,
    held: AtomicBool,
    traps: Mutex<VecDeque<Trap>>,
    open: Mutex<Vec<TcpStream>>,
}

/// A wire to a server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// To this port of the loopback interface.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = Arc::clone(&proxy.state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                // What is sent in one piece arrives in one.
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                state.open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let of_client = Arc::clone(&state);
                thread::spawn(move || of_client.carry_questions(from, to));
                let of_server = Arc::clone(&state);
                thread::spawn(move || of_server.carry_answers(server, client));
            }
        });
        proxy
    }

    /// How often somebody asked after an answer had come, since the last time this was asked.
    pub(crate) fn trips(&self) -> u32 {
        self.state.trips.swap(0, Ordering::SeqCst)
    }

    /// Cuts all that is connected.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on nothing comes through, and nobody is told.
    pub(crate) fn hold(&self) {
        self.state.held.store(true, Ordering::SeqCst);
    }

    /// Lays a trap, which snaps once, behind those that lie there.
    pub(crate) fn lay(&self, trap: Trap) {
        self.state.traps.lock().unwrap().push_back(trap);
    }

    /// Did all of them snap?
    pub(crate) fn has_snapped(&self) -> bool {
        self.state.traps.lock().unwrap().is_empty()
    }
}

impl State {
    fn carry_questions(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = vec![0; 1 << 20];
        while let Ok(size @ 1..) = from.read(&mut piece) {
            if self.held.load(Ordering::SeqCst) {
                continue;
            }
            if self.answered.swap(false, Ordering::SeqCst) {
                self.trips.fetch_add(1, Ordering::SeqCst);
            }
            let said = &piece[..size];
            let contains = |words: &str| said.windows(words.len()).any(|part| part == words.as_bytes());
            let snaps = |trap: &Trap| match trap {
                Trap::CutBefore(words) | Trap::CutAfter(words) => contains(words),
            };
            let mut traps = self.traps.lock().unwrap();
            let snapped = if traps.front().is_some_and(snaps) { traps.pop_front() } else { None };
            drop(traps);
            if let Some(Trap::CutBefore(_)) = snapped {
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
            if let Some(Trap::CutAfter(_)) = snapped {
                // What the server says now is lost; what it was told it does.
                let _ = from.shutdown(Shutdown::Both);
            }
            if to.write_all(said).is_err() {
                return;
            }
        }
    }

    fn carry_answers(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = vec![0; 1 << 20];
        while let Ok(size @ 1..) = from.read(&mut piece) {
            if self.held.load(Ordering::SeqCst) {
                continue;
            }
            self.answered.store(true, Ordering::SeqCst);
            if to.write_all(&piece[..size]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
