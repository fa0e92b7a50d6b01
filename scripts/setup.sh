#!/bin/sh
# Installs what the test suite runs against: etcd, a Docker engine, nginx, dig, rsyslog. On Debian as root with apt; elsewhere it
# says what is missing, and the suites that need it skip loudly.
set -eu

missing=""
need() { # command package
  command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need etcd etcd-server
need etcdctl etcd-client
need dockerd docker.io
need docker docker.io
need iptables iptables
need nginx nginx-light
need dig bind9-dnsutils
need dnsperf dnsperf
need nsd nsd
need faketime faketime
need nmap nmap
need busybox busybox-static
need openssl openssl
need rsyslogd rsyslog
need ip iproute2
need nsenter util-linux
# The modules by which rsyslog speaks TLS.
has_rsyslog() {
  for module in /usr/lib/rsyslog/"$1" /usr/lib/*/rsyslog/"$1"; do
    if [ -e "$module" ]; then return 0; fi
  done
  return 1
}
has_rsyslog lmnsd_gtls.so || missing="$missing rsyslog-gnutls"
has_rsyslog lmnsd_ossl.so || missing="$missing rsyslog-openssl"
# The image of the tests is built FROM scratch: a busybox that needs libraries would not start in it.
if command -v busybox >/dev/null 2>&1 && ldd "$(command -v busybox)" >/dev/null 2>&1; then missing="$missing busybox-static"; fi
/usr/bin/python3 -c 'import dns.message' >/dev/null 2>&1 || missing="$missing python3-dnspython"

[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
  echo "setup: installing $missing"
  export DEBIAN_FRONTEND=noninteractive
  # The tests start each server by hand, on loopback: a service that starts itself would be in their way.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  # A mirror that hiccups is asked again, another apt that runs is waited for. What cannot be had is skipped, loudly.
  apt() { apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"; }
  # shellcheck disable=SC2086
  if ! { apt update && apt install -y --no-install-recommends $missing >/dev/null; }; then
    echo "setup: apt-get could not install them; the suites that need what is missing are skipped"
  fi
else
  echo "setup: missing: $missing"
  echo "setup: not root on Debian, so not installed; install them by hand, or the suites that need them are skipped"
fi
