"""The real binary over loopback: starting, limits, slow clients, draining, reloading, logging."""
import gzip, json, os, re, resource, shutil, signal, socket, subprocess, tempfile, time

from harness import BINARY, Skip, read_all, run, server

PIECE = b"GET /value HTTP/1.1\r\nHost: x\r\n"


def run_once(*flags, **env):
    return subprocess.run([BINARY, *flags], capture_output=True, text=True, timeout=10,
                          env={k: v for k, v in os.environ.items() if not k.startswith("PROMFAKE_")} | env)


def help_and_version_are_printed_on_standard_output():
    assert "Examples:" in run_once("--help").stdout
    assert re.fullmatch(r"prom-fake \d+\.\d+\.\d+\n", run_once("--version").stdout)


def bad_flags_exit_2_and_all_are_told():
    result = run_once("--nope", "--value=x", PROMFAKE_IDLE_TIMEOUT="soon")
    assert result.returncode == 2 and result.stdout == ""
    for part in ('unknown flag "--nope"', '--value: not a number: "x"', "PROMFAKE_IDLE_TIMEOUT: ", "hint: "):
        assert part in result.stderr, result.stderr


def a_taken_port_exits_3_with_what_why_and_what_to_do():
    with server() as first:
        result = run_once("--listen", f"127.0.0.1:{first.port}")
        assert result.returncode == 3
        for part in ("cannot listen on", "because: another program is already listening there", "hint: use another port"):
            assert part in result.stderr, result.stderr


def the_binary_is_static_and_at_most_2_megabytes():
    with open(BINARY, "rb") as file:
        binary = file.read()
    offset, size, count = (int.from_bytes(binary[a:b], "little") for a, b in ((32, 40), (54, 56), (56, 58)))
    kinds = [int.from_bytes(binary[offset + i * size:offset + i * size + 4], "little") for i in range(count)]
    assert 3 not in kinds, "there is a PT_INTERP: the binary is linked dynamically"
    assert len(binary) <= 2_000_000, len(binary)


def the_binary_is_hardened():
    """Position-independent, read-only after start, with stack protectors and checked string functions."""
    if not shutil.which("readelf"):
        raise Skip("readelf is not there (Debian: binutils)")
    said = subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", BINARY],
                          capture_output=True, text=True, check=True).stdout
    for sign in ("DYN (Position-Independent Executable file)", "GNU_RELRO", "BIND_NOW", "FLAGS_1"):
        assert sign in said, said
    stack = next(line for line in said.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack, stack
    with open(BINARY, "rb") as file:
        binary = file.read()
    for message in (b"stack smashing detected", b"buffer overflow detected"):
        assert message in binary, message


def a_page_of_another_site_cannot_set_the_value():
    with server("--value=7") as one:
        status, _, body = one.request("POST", "/value", "9", Origin="https://evil.example", Sec_Fetch_Site="cross-site")
        assert status == 403 and b"evil.example" in body, (status, body)
        assert one.get("/value") == "7\n"


def it_runs_alone_in_a_root_folder_that_it_cannot_write_as_user_65534():
    if os.geteuid() != 0:
        raise Skip("only root may chroot")
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["cp", BINARY, root + "/prom-fake"], check=True)
        os.chmod(root, 0o555)

        def enter():
            os.chroot(root)
            os.chdir("/")
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        import harness
        before, harness.BINARY = harness.BINARY, "/prom-fake"
        try:
            with server(preexec_fn=enter) as one:
                assert one.request("POST", "/value", "7")[2] == b"7\n"
                assert one.stop() == 0
        finally:
            harness.BINARY = before


def values_set_are_values_scraped_plain_compressed_and_as_openmetrics():
    with server("--self-metrics") as one:
        for text in ("50", "-0", "NaN", "+Inf", "1e+300", "0.1"):
            assert one.request("PUT", "/value", text)[2].decode() == text + "\n"
            assert f"\nprom_fake_value {text}\n" in one.get("/metrics")
        status, headers, body = one.request("GET", "/metrics", Accept_Encoding="gzip",
                                            Accept="application/openmetrics-text")
        assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert headers["Content-Encoding"] == "gzip" and gzip.decompress(body).endswith(b"# EOF\n")
        assert json.loads(one.get("/values"))[0]["value"] == 0.1


def it_listens_on_ipv6_where_there_is_one():
    if not os.path.exists("/proc/net/if_inet6"):
        raise Skip("no IPv6 here")
    with server(listen="[::]:0") as one:
        assert one.get("/value") == "0\n"  # over IPv4
        with socket.create_connection(("::1", one.port)) as connection:
            connection.sendall(PIECE + b"Connection: close\r\n\r\n")
            assert b"200 OK" in read_all(connection)


def a_thousand_pipelined_requests_get_a_thousand_answers():
    with server() as one, one.connect() as connection:
        connection.sendall((PIECE + b"\r\n") * 999 + PIECE + b"Connection: close\r\n\r\n")
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 1000


def a_client_that_sends_too_much_still_reads_why():
    with server() as one, one.connect() as connection:
        connection.sendall(b"POST /value HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"1" * 10000)
        except OSError:
            pass  # cut while sending is fine, as long as the answer is there
        assert b" 413 " in read_all(connection)


def slow_requests_get_408_and_idle_connections_are_closed():
    with server("--request-timeout=1", "--idle-timeout=1") as one:
        with one.connect() as slow, one.connect() as idle:
            slow.sendall(PIECE)
            began = time.monotonic()
            assert b" 408 " in read_all(slow)
            assert idle.recv(1) == b""
            assert 0.9 < time.monotonic() - began < 3


def dribbling_headers_do_not_extend_the_time():
    with server("--request-timeout=1") as one, one.connect() as slow:
        slow.sendall(PIECE)
        began = time.monotonic()
        try:
            while time.monotonic() - began < 4:
                slow.sendall(b"a: b\r\n")
                time.sleep(0.1)
            raise AssertionError("it was never cut")
        except OSError:
            assert time.monotonic() - began < 4


def a_steady_pipeline_of_quick_requests_is_not_taken_for_a_slow_one():
    with server("--request-timeout=1") as one, one.connect() as connection:
        text = PIECE + b"\r\n"
        connection.sendall(text[:10])
        for _ in range(25):
            connection.sendall(text[10:] + text[:10])
            assert b"200 OK" in connection.recv(65536)
            time.sleep(0.1)


def a_client_that_never_reads_is_cut():
    with server("--request-timeout=1") as one, one.connect() as greedy:
        greedy.settimeout(0.5)
        began = time.monotonic()
        try:
            while time.monotonic() - began < 8:
                try:
                    greedy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
                except socket.timeout:
                    pass
            raise AssertionError("it was never cut")
        except (ConnectionError, BrokenPipeError):
            pass
        assert one.get("/value") == "0\n"
        assert one.resident_kb() < 4000, one.resident_kb()


def above_the_connection_limit_the_longest_idle_one_goes():
    with server("--max-connections=10") as one:
        old = [one.connect() for _ in range(10)]
        time.sleep(1.2)
        assert one.get("/value") == "0\n"
        assert old[0].recv(1) == b""
        for connection in old:
            connection.close()


def above_the_limit_with_nobody_idle_new_ones_get_503():
    with server("--max-connections=3") as one:
        busy = [one.connect() for _ in range(3)]
        for connection in busy:
            connection.sendall(PIECE)
        time.sleep(0.2)
        with one.connect() as more:
            assert b" 503 " in read_all(more)
        for connection in busy:
            connection.close()


def with_10000_connections_opened_and_left_it_still_answers():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 11000:
        raise Skip(f"only {hard} file descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (11000, hard))
    try:
        with server() as one:
            left = []
            for i in range(10000):
                connection = socket.socket()
                connection.settimeout(10)
                connection.connect(("127.0.0.1", one.port))
                if i % 2:
                    connection.sendall(PIECE)  # half of them in the middle of a request
                left.append(connection)
            assert one.request("POST", "/value", "5")[2] == b"5\n"
            began = time.monotonic()
            for _ in range(100):
                one.get("/metrics")
            print(f"      10000 left open: 100 answers on new connections in {time.monotonic() - began:.2f} s, "
                  f"{one.resident_kb()} kB resident", flush=True)
            for connection in left:
                connection.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def sigterm_drains_what_is_under_way_and_exits_0_within_5_seconds():
    with server() as one, one.connect() as under_way, one.connect() as idle:
        under_way.sendall(PIECE)
        time.sleep(0.1)
        began = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert one.request("GET", "/readyz")[0] == 503
        status, headers, _ = one.request("GET", "/value")  # who has not heard of it yet is still served
        assert status == 200 and headers["Connection"] == "close"
        assert one.request("GET", "/healthz")[0] == 200
        time.sleep(1.5)
        assert idle.recv(1) == b""
        under_way.sendall(b"\r\n")
        assert b"200 OK" in read_all(under_way)
        assert one.stop() == 0
        assert time.monotonic() - began < 5


def sigterm_cuts_what_never_ends_within_5_seconds():
    with server() as one, one.connect() as stuck:
        stuck.sendall(PIECE)
        time.sleep(0.1)
        began = time.monotonic()
        assert one.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 5


def sighup_reads_the_configuration_again_and_keeps_the_values():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        def write(text):
            file.seek(0)
            file.truncate()
            file.write(text)
            file.flush()

        def hang_up(expected):
            one.process.send_signal(signal.SIGHUP)
            for _ in range(100):
                if expected in one.stderr():
                    return
                time.sleep(0.02)
            raise AssertionError(one.stderr())

        write("metrics:\n- {name: a, value: 1}\n- {name: b, value: 2}\n")
        with server("--config", file.name) as one:
            one.request("POST", "/value/b", "20")
            write("metrics:\n- {name: b, value: 0}\n- {name: c, value: 3}\n")
            hang_up("was reloaded: 2 series")
            assert one.get("/metrics") == "# TYPE b gauge\nb 20\n# TYPE c gauge\nc 3\n"
            write("metrics:\n- {nme: x}\n")
            hang_up("the old configuration stays in effect")
            assert f"{file.name}:2: unknown key" in one.stderr()
            assert one.get("/value/c") == "3\n"


def the_access_log_is_off_and_with_log_requests_cannot_be_forged():
    with server() as one:
        one.get("/value")
        assert one.stdout() == ""
    with server("--log-requests") as one:
        one.request("GET", "/nope?%0aa\"b")
        with one.connect() as bad:
            bad.sendall(b"nonsense\r\n\r\n")
            read_all(bad)
        lines = one.stdout().splitlines()
        assert re.fullmatch(r'\S+Z 127\.0\.0\.1:\d+ GET "/nope\?%0aa\\"b" 404 \d+', lines[0]), lines
        assert re.fullmatch(r'\S+Z 127\.0\.0\.1:\d+ - "" 400 \d+', lines[1]), lines


def own_metrics_have_a_bounded_set_of_labels():
    with server("--self-metrics") as one:
        for i in range(50):
            one.request("GET", f"/{i}")
            one.request("GET", f"/value/{i}")
        lines = [l for l in one.get("/metrics").splitlines() if l.startswith("promfake_http_requests_total{")]
        assert 'promfake_http_requests_total{code="404",path="other"} 50' in lines
        assert 'promfake_http_requests_total{code="404",path="/value/{metric}"} 50' in lines and len(lines) == 2, lines


run([value for value in list(globals().values()) if getattr(value, "__module__", "") == "__main__" and callable(value)
     and value.__name__ not in ("run_once",)])
