"""What the hot roads of the shop cost, against their floors: `make bench`.

The shop runs as in production (granian with two workers, the job worker, a durable PostgreSQL of
its own, the Stripe sandbox as a process with a database of its own) and is asked over loopback.
Linux only: CPU and memory are read from /proc.
"""
