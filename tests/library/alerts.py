"""A realistic alert for every runbook: the labels of the well-known rules, and what they lack.

Where a rule set has no label that a runbook needs (which service to restart, say), whoever uses it
adds that in the alert rule; ``docs/library.md`` lists those.
"""

_NODE = {"job": "node-exporter", "instance": "web-1:9100"}
_KUBE = {"job": "kube-state-metrics", "instance": "10.1.2.3:8080", "namespace": "shop"}
_DB = {"job": "postgres", "instance": "db-1:9187", "server": "db-1:5432"}

#: By the runbook's name: labels, and annotations.
ALERTS = {
    "backup-missed": (
        {"instance": "db-1:9100", "backup_service": "backup"},
        {"backup_directory": "/var/backups/shop"},
    ),
    "certificate-expiry": (
        {"instance": "https://shop.example.com/", "host": "web-1", "domain": "shop.example.com"},
        {},
    ),
    "clock-skew": (_NODE, {}),
    "connection-pool-exhausted": (_DB, {}),
    "connection-tracking-full": (_NODE, {}),
    "cpu-saturation": ({**_NODE, "cpu": "3"}, {}),
    "dependency-down": (
        {
            "instance": "shop-1:8080",
            "service": "shop",
            "dependency": "postgresql",
            "dependency_host": "db-1",
            "dependency_port": "5432",
        },
        {"probe_url": "http://localhost:8080/health"},
    ),
    "disk-full": (
        {**_NODE, "device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/var"},
        {},
    ),
    "dns-record-wrong": (
        {"name_server": "ns-1", "zone": "example.com", "record": "www.example.com"},
        {"expected_value": "192.0.2.1"},
    ),
    "failed-rollout": ({**_KUBE, "deployment": "shop"}, {}),
    "high-latency-after-change": (
        {"namespace": "shop", "release": "shop"},
        {"probe_url": "http://shop.example.com/health"},
    ),
    "host-file-limit": (_NODE, {}),
    "host-unreachable": ({**_NODE, "bmc": "192.0.2.50"}, {}),
    "inode-exhaustion": (
        {**_NODE, "device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/var"},
        {},
    ),
    "kube-job-failed": ({**_KUBE, "job_name": "report-29"}, {}),
    "log-error-spike": ({"instance": "web-1:9100", "service": "shop"}, {}),
    "memory-leak-after-deploy": (
        {**_KUBE, "deployment": "shop"},
        {"healthy_memory_mb": "400"},
    ),
    "memory-pressure": (_NODE, {}),
    "mysql-replication-stopped": ({"job": "mysqld", "instance": "db-1:9104"}, {}),
    "node-not-ready": ({**_KUBE, "node": "node-1", "condition": "Ready", "status": "true"}, {}),
    "oom-kills": (_NODE, {}),
    "pod-crash-loop": (
        {**_KUBE, "pod": "shop-7d9f6c5b8-x2x4z", "container": "shop", "uid": "0a-1"},
        {},
    ),
    "queue-backlog": (
        {
            "job": "rabbitmq",
            "instance": "mq-1:15692",
            "queue": "orders",
            "vhost": "/",
            "consumer": "orders-worker",
            "consumer_host": "worker-1",
        },
        {},
    ),
    "read-only-filesystem": (
        {**_NODE, "device": "/dev/vdb1", "fstype": "ext4", "mountpoint": "/data"},
        {},
    ),
    "replication-lag": (_DB, {}),
    "restart-http-service": (
        {"instance": "web-1:8080", "service": "shop"},
        {"probe_url": "http://web-1:8080/health"},
    ),
    "restart-service": ({"instance": "web-1:8080", "job": "shop"}, {}),
    "stuck-job": (
        {"instance": "web-1:9100", "job_name": "nightly-report"},
        {"pid_file": "/run/nightly-report.pid"},
    ),
    "tls-chain-broken": ({"host": "web-1", "domain": "shop.example.com"}, {}),
    "too-many-open-files": ({"instance": "web-1:8080", "job": "shop"}, {}),
}

#: Rules of the same sets that no runbook of the library is for.
_FOREIGN = """
Watchdog InfoInhibitor KubeAPIDown KubeAPIErrorBudgetBurn KubeClientCertificateExpiration
KubeletClientCertificateExpiration CertManagerCertExpirySoon etcdInsufficientMembers
NodeNetworkReceiveErrs NodeRAIDDegraded NodeBondingDegraded NodeDiskIOSaturation
PrometheusBadConfig PrometheusRuleFailures AlertmanagerClusterDown KubePersistentVolumeFillingUp
KubeHpaMaxedOut CPUThrottlingHigh PostgresqlDeadLocks PostgresqlTooManyDeadTuples
MysqlSlowQueries MysqlTooManyConnections RabbitmqMemoryHigh RabbitmqClusterPartition
BlackboxProbeFailed BlackboxSlowProbe RedisDown ElasticsearchClusterRed KafkaConsumersGroupLag
HostRaidArrayGotInactive HostEdacUncorrectableErrorsDetected CoreDNSLatencyHigh
"""
FOREIGN = tuple(_FOREIGN.split())

#: What alerts say, and where a person would look.
TEXTS = {
    "Disk /var is at 96%, no space left on device": "disk-full",
    "df -i shows 100% of inodes used on /srv": "inode-exhaustion",
    "process cannot accept connections: too many open files": "too-many-open-files",
    "chrony says the system clock is off by 12 seconds, ntp not synchronised": "clock-skew",
    "/data was remounted read-only, writes fail with EROFS": "read-only-filesystem",
    "load average is 48 on a host with 4 processors": "cpu-saturation",
    "host is swapping, available memory below 3%": "memory-pressure",
    "kernel: Out of memory: Killed process 812 (java) oom-kill": "oom-kills",
    "cron job nightly-report hangs for 9 hours, pid file still there": "stuck-job",
    "pod shop-1 is in CrashLoopBackOff": "pod-crash-loop",
    "kubelet stopped posting node status": "node-not-ready",
    "deployment exceeded its progress deadline, ImagePullBackOff": "failed-rollout",
    "memory grows without bound since the deploy this morning": "memory-leak-after-deploy",
    "kubernetes job failed with BackoffLimitExceeded": "kube-job-failed",
    "p99 response time rose from 200 ms to 4 s after the release": "high-latency-after-change",
    "FATAL: sorry, too many clients already, idle in transaction": "connection-pool-exhausted",
    "postgres standby is 20 minutes behind the primary": "replication-lag",
    "mysql replica io thread is not running": "mysql-replication-stopped",
    "140000 messages ready in rabbitmq queue orders, no consumers": "queue-backlog",
    "last successful backup is 3 days old": "backup-missed",
    "tls certificate of shop.example.com expires in 4 days": "certificate-expiry",
    "x509: certificate signed by unknown authority, incomplete chain": "tls-chain-broken",
    "www resolves to the wrong address of the old cdn": "dns-record-wrong",
    "server does not answer ping or ssh, no route to host": "host-unreachable",
    "upstream database not reachable, connection refused to backend": "dependency-down",
    "error lines per minute in the logs jumped to 900": "log-error-spike",
    "nf_conntrack: table full, dropping packet": "connection-tracking-full",
    "too many open files in system, file-max limit reached": "host-file-limit",
}
