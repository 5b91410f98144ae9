//! Proxies that people know, if they are installed: nginx and haproxy, set up as for production.
//!
//! Invariant: one worker, keep-alive on both sides, no access log: the same work on the same number of cores.
//! Absent on purpose: installing them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{Process, free_port};

/// A peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// nginx
    Nginx,
    /// haproxy
    Haproxy,
}

impl Peer {
    /// Those that are installed.
    pub fn installed() -> Vec<Self> {
        [Self::Nginx, Self::Haproxy].into_iter().filter(|peer| peer.is_there()).collect()
    }

    /// As it is called, on the command line too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    fn is_there(self) -> bool {
        let asked = Command::new(self.name()).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    }

    /// Starts it in front of `upstream`, with `folder` for its files.
    pub fn start(self, folder: &Path, upstream: SocketAddr) -> Process {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let file = folder.join("peer.conf");
        let (text, mut command) = (self.configuration(folder, address, upstream), Command::new(self.name()));
        fs::write(&file, text).expect("the configuration is written");
        match self {
            Self::Nginx => command.arg("-p").arg(folder).arg("-e").arg(folder.join("errors")).arg("-c").arg(&file),
            Self::Haproxy => command.arg("-db").arg("-f").arg(&file),
        };
        Process::silent(&mut command, address)
    }

    fn configuration(self, folder: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
        let folder = folder.display();
        match self {
            Self::Nginx => format!(
                "daemon off; master_process off; worker_processes 1; pid {folder}/pid;\n\
                 events {{ worker_connections 16384; }}\n\
                 http {{\n\
                   access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
                   fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
                   keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 256k;\n\
                   upstream mock {{ server {upstream}; keepalive 512; keepalive_requests 100000000; }}\n\
                   server {{\n\
                     listen {address} backlog=8192;\n\
                     location / {{\n\
                       proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
                       proxy_buffering off; proxy_request_buffering on;\n\
                     }}\n\
                   }}\n\
                 }}\n"
            ),
            Self::Haproxy => format!(
                "global\n  nbthread 1\n  maxconn 16000\n\
                 defaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n  \
                 http-reuse always\n\
                 frontend front\n  bind {address} backlog 8192\n  default_backend mock\n\
                 backend mock\n  server mock {upstream} pool-max-conn -1\n"
            ),
        }
    }
}
