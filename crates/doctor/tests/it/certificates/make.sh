#!/bin/sh
# Makes the certificates of these tests, good for a hundred years; one was good for a day in 2020. They protect nothing:
# their keys are in the repository. Run it in this folder.
set -eu
work=$(mktemp -d)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=Barewire test authority" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
  -keyout "$work/authority.key" -out authority.pem 2>/dev/null
leaf() { # name, alternative names, first moment, last moment
  mkdir -p "$work/new"; : > "$work/index.txt"; openssl rand -hex 8 > "$work/serial"
  cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = c
[c]
dir = $work
database = $work/index.txt
new_certs_dir = $work/new
serial = $work/serial
default_md = sha256
policy = p
x509_extensions = e
[p]
commonName = supplied
[e]
subjectAltName = $2
extendedKeyUsage = serverAuth
basicConstraints = CA:FALSE
CNF
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$work/$1.csr" 2>/dev/null
  openssl ca -batch -notext -config "$work/ca.cnf" -cert authority.pem -keyfile "$work/authority.key" \
    -in "$work/$1.csr" -out "$1.pem" -startdate "$3" -enddate "$4" 2>/dev/null
}
leaf good "DNS:localhost,IP:127.0.0.1" 20260101000000Z 21251231000000Z
leaf other "DNS:other.example" 20260101000000Z 21251231000000Z
leaf expired "DNS:localhost,IP:127.0.0.1" 20200101000000Z 20200102000000Z
rm -r "$work"
