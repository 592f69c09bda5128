"""What the search knows of words: spellings of one thing, near things, words that say little.

The tables hold only what every operator would agree to, whatever the library. A name that is one
thing under two spellings is an alias and counts in full; a near thing counts in part.
"""

from typing import Final


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


def _spellings(lines: str) -> dict[str, tuple[str, ...]]:
    """What is kept, and its other spellings; words that come together are one spelling."""
    spellings: dict[str, tuple[str, ...]] = {}
    for line in lines.strip().splitlines():
        kept, others = (side.strip() for side in line.split("="))
        spellings[kept] = (*spellings.get(kept, ()), *others.split(", "))
    return spellings


#: Words that carry nothing, in English and (as some monitoring speaks it) German.
STOP: Final = _words(
    """
    a about after again all also am an and any are as at be because been before being but by can
    could did do does doing each either for from further had has have having he her here
    hers him his how i if in into is isn it its itself just let me more most my no nor not now of
    off on once only or other our out over own please same she should so some such than that the
    their them then there these they this those through to too under until up upon very via was we
    were what when where whether which while who whom why will with within without would yet you
    your
    aber als am an auf aus bei bis da das dass dem den der des die durch ein eine einem einen einer
    es für hat im in ist mehr mit nach nicht noch nur oder sich sie sind seit über um und unter von
    vom vor war wird wurde zu zum zur
    """
)

#: Words that stand in alerts of every kind: they say that something is wrong, not what.
GENERIC: Final = _words(
    """
    above active affect alarm alert app application average avg below check cluster code condition
    configured container count critical cross current currently datapoint day detect detected device
    environment error event exceed exceeded expected fail failing firing found greater group
    high host hour info instance issue item job last least less limit low machine main max message
    metric min minute minutes monitor more name new node notify number ok old op open percent per
    problem process prod production rate reach read received region remain report resource response
    result run running s second seconds see server service severity several show since staging start
    state status system target than threshold time today total trigger triggered type unknown unit
    usage use user utilization value warn warning was zone ms sec
    one two three four five six several many every group
    """
)

#: One thing under several spellings; the first is what stands in the index. A spelling of several
#: words is looked for in the order of the words.
ALIASES: Final[dict[str, tuple[str, ...]]] = _spellings(
    """
    oom = outofmemory, oomkilled, oomkiller, oom killed, oom killer, oom kill
    kubernetes = k8s, kube
    postgres = pg, postgresql, pgsql, psql
    mysql = mariadb
    mongodb = mongo, mongod
    elasticsearch = elastic, es cluster, opensearch
    rabbitmq = rabbit mq, rabbit
    certificate = cert, certs, x509, tls, ssl, zertifikat
    database = db, data base, datenbank
    filesystem = file system, fs, dateisystem
    disk = disc, hdd, festplatte, block device, sda, sdb, sdc, sdd, vda, vdb, xvda, xvdb, nvme, df
    memory = mem, ram, arbeitsspeicher
    processor = cpu, cpus
    configuration = config, cfg, conf
    authentication = auth, authn, authenticate, login, log in, logon, sign in, anmeldung
    authorization = authz, authorize, permission, permission denied, forbidden
    replication = replica, replicate, replicas, repl, replikation
    namespace = ns
    network = net, netzwerk
    interface = nic, eth, ens, enp, eno
    loadbalancer = load balancer, lb, elb, alb, nlb
    garbage = gc
    timeout = time out, timed out, timing out, deadline exceeded, zeitüberschreitung
    crashloop = crash loop, crash looping, crashloopbackoff, crash loop back off, crash loop backoff
    crashloop = back off restarting, keeps restarting, restarted too often
    imagepull = image pull, imagepullbackoff, image pull back off, errimagepull, err image pull
    imagepull = pull image, pulling image
    notready = not ready
    readonly = read only, ro
    unreachable = not reachable, no route to host, host is down, nicht erreichbar
    full = enospc, voll
    inode = inodes
    failure = fail, failed, failing, fails, fehlgeschlagen
    failover = fail over, failed over
    expire = expiry, expiration, not after, notafter, abgelaufen
    endpoint = end point
    backend = back end, upstream
    hostname = host name
    deadlock = dead lock
    splitbrain = split brain
    partition = partitions
    latency = response time, antwortzeit, latenz
    percentile = p99, p95, p90, p50
    5xx = internal server error, bad gateway, service unavailable, gateway timeout
    dns = name resolution, nameserver, name server, nxdomain, servfail, resolver, resolve host
    dns = resolve hostname
    ntp = chrony, chronyd, ntpd, time sync, time synchronization, timesync
    clock = uhr
    descriptor = fd, fds, ulimit, nofile
    deployment = deploy, deploys, deployed, rollout, roll out
    rollback = roll back, rolled back, revert
    pod = pods
    volume = pv, pvc, persistent volume, persistentvolumeclaim, persistent volume claim
    message = msg, nachricht
    queue = warteschlange
    job = cronjob, cron job, cron
    backup = backups, sicherung, datensicherung
    service = svc, dienst
    server = srv
    repository = repo
    vulnerability = cve
    password = passwd, pwd, passwort
    temperature = temp, temperatur
    throughput = bandwidth
    packet = packets, pakete
    connection = conn, conns, verbindung, verbindungen
    garbagecollection = garbage collection, stop the world
    raid = mdadm, mdraid, md array
    s3 = object storage, object store
    load = loadavg, load average
    swap = swapping, paging
    slow = langsam, sluggish
    storage = speicherplatz
    """
)

#: What is said in several words that count as words too.
IMPLIED: Final[dict[str, tuple[str, ...]]] = _spellings(
    """
    oom = out of memory, exit code 137, cannot allocate memory, memory exhausted
    full = no space left on device, no space left, out of space, no space, free space left
    full = free space, space left, available space, space available, low on space, little space
    refused = connection refused, could not connect, cannot connect, unable to connect
    descriptor = too many open files, open files
    """
)

#: Near things: who writes of one may mean the other. They count in part.
RELATED: Final = tuple(
    _words(line)
    for line in """
    full space filling storage capacity free
    disk filesystem volume mount mountpoint
    down unreachable refused dead gone unavailable absent missing offline unresponsive
    hang hung stuck stalled frozen unresponsive blocked
    slow latency percentile duration delay timeout degraded
    lag behind delay stale
    queue backlog pending unprocessed piling depth
    crashloop crash restart exit terminated
    oom memory leak heap
    expire certificate renew rotate valid
    authentication password credential token unauthorized 401 403
    authorization denied 403 forbidden
    dns lookup record domain
    5xx 500 502 503 504 exception
    saturated exhausted starved depleted overload
    pool connection client session
    replication slave standby secondary follower primary master leader
    leader election quorum
    clock ntp drift skew offset
    deployment release version change canary
    rollback release deployment
    notready kubelet unschedulable cordon
    pending unschedulable schedule evicted
    imagepull registry image
    backup snapshot dump restore archive
    job schedule batch nightly
    processor load throttle steal
    swap memory
    garbage garbagecollection heap pause jvm
    deadlock lock blocked transaction waiting
    query statement sql database
    vacuum bloat wraparound autovacuum
    cache redis memcached eviction evicted
    consumer subscriber partition offset topic
    kafka broker topic
    packet loss drop latency
    network interface link
    firewall blocked port
    temperature overheat fan thermal
    raid degraded disk array
    smart sector disk
    readonly remount
    descriptor socket handle
    mail smtp email postfix
    ingress proxy nginx loadbalancer haproxy
    backend loadbalancer unhealthy
    quota limit ratelimit throttle 429
    cdn edge cache origin
    webhook callback
    traffic throughput request
    spike surge burst jump anomaly
    log syslog journal
    battery ups power outage
    """.strip().splitlines()
)

#: Names that are one word although their spelling changes case inside.
NAMES: Final = _words(
    """
    postgresql mysql mariadb mongodb rabbitmq activemq dynamodb influxdb github gitlab openssh
    openssl openvpn wireguard haproxy pgbouncer clickhouse elasticsearch opensearch couchdb
    cockroachdb timescaledb graphql javascript vmware vsphere esxi zookeeper nodejs cloudfront
    cloudwatch bigquery pagerduty memcached etcd coredns keycloak fluentd logstash oauth ipv4 ipv6
    iscsi mdadm oomkilled imagepullbackoff errimagepull crashloopbackoff nxdomain servfail
    """
)

#: Short words with digits that mean something as they are.
WITH_DIGITS: Final = _words(
    "k8s s3 ec2 x509 oauth2 p50 p90 p95 p99 5xx 4xx ipv4 ipv6 http2 log4j eks3 route53 sha1"
)
