#!/bin/sh
# Exchanges between machines that are network namespaces of this one, with links of 0.1, 1, 10 and 25 Gbit/s (tc tbf), or RATES.
# Needs root, iproute2 and Open MPI.
#     tests/bench/machines/machines.sh BUILD [STEPS]
set -eu
BUILD=$1
STEPS=${2:-21}
HERE=$(cd "$(dirname "$0")" && pwd)
SOURCE=$HERE/../../..
WORK=$(mktemp -d)
MACHINES="cen0 cen1 cen2 cen3"
clear_machines() {
    for m in $MACHINES; do ip netns del "$m" 2>/dev/null || true; done
    ip link del cenbridge 2>/dev/null || true
}
trap 'clear_machines; rm -rf "$WORK"' EXIT
mpicc.openmpi -std=c99 -O2 -I"$SOURCE/include" "$HERE/exchange.c" "$BUILD/libcenterloss.a" -lm -lpthread -o "$WORK/exchange"
# In place of ssh: a namespace of the network and a host name of its own, so that no memory is shared.
cat >"$WORK/agent" <<'AGENT'
#!/bin/sh
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"
AGENT
chmod +x "$WORK/agent"
clear_machines
ip link add cenbridge type bridge
ip link set cenbridge up
i=0
for m in $MACHINES; do
    i=$((i + 1))
    ip netns add "$m"
    ip link add "veth$m" type veth peer name eth0 netns "$m"
    ip link set "veth$m" master cenbridge up
    ip -n "$m" addr add "10.77.77.$i/24" dev eth0
    ip -n "$m" link set eth0 up
    ip -n "$m" link set lo up
    echo "10.77.77.$i $m" >>"$WORK/hosts"
done
mkdir -p /etc/netns
for m in $MACHINES; do
    mkdir -p "/etc/netns/$m"
    cp "$WORK/hosts" "/etc/netns/$m/hosts"
done
# limit RATE: of each link, both ways.
limit() {
    for m in $MACHINES; do
        tc qdisc replace dev "veth$m" root tbf rate "$1" burst 512k latency 100ms
        tc -n "$m" qdisc replace dev eth0 root tbf rate "$1" burst 512k latency 100ms
    done
}
# on N ARGUMENTS...
on() {
    n=$1
    shift
    hosts=$(echo $MACHINES | cut -d' ' -f1-"$n" | tr ' ' ',')
    ip netns exec cen0 unshare --uts sh -c "hostname cen0; exec mpirun.openmpi --allow-run-as-root --bind-to none \
        --mca plm_rsh_agent $WORK/agent --mca btl tcp,self --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 \
        --mca mpi_yield_when_idle 1 -host $hosts -n $n $WORK/exchange $*"
}
NET="'flatten, dense 1024, relu, dense 128' 32 32 3 100 8"
for rate in ${RATES:-100mbit 1gbit 10gbit 25gbit}; do
    limit $rate
    for n in 2 4; do
        for way in swap gather; do
            echo "$rate, $(on $n "$STEPS" $way "$NET")"
        done
    done
done
