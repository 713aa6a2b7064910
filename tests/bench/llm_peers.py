#!/usr/bin/env python3
"""What one proposal costs other evolutionary search systems, beside llm_overhead --parts overhead.

Run it with the Python of a virtual environment that has the peers (never part of set-up or CI):

    python3 -m venv VENV
    VENV/bin/pip install openevolve==0.4.0 shinka-evolve==0.0.7
    VENV/bin/python tests/bench/llm_peers.py [--ballast build/release/llm_overhead]

A peer runs in a process and a folder of its own, with its default settings except for what is written
below, against a server on loopback that answers at once: always a new valid program, and embeddings
that are as close to one another as those of Ballast's bench. An evaluation is a checksum. The cost is
taken over 100 new candidates with so many in the peer's database: processor time of the peer and of
its worker processes, without the server, and wall time. What Shinka's evaluations burn (a process
each) is told apart; OpenEvolve evaluates inside its workers, so that its figure includes a checksum.
A peer fills its database by searching, so that everything takes most of an hour on two cores; --peers,
--novelty and --candidates choose a part. By default OpenEvolve runs with novelty off; Shinka asks for
embeddings, but compares them only where it is given models that judge, as with novelty on here.

The peer gets an environment without keys in which every address but 127.0.0.1 is behind a proxy
that does not exist: nothing it asks can leave the machine.
"""
import argparse
import asyncio
import base64
import http.server
import importlib.metadata
import json
import os
import pathlib
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PACKAGES = {"openevolve": "openevolve", "shinka": "shinka-evolve"}
WINDOW = 100  # candidates over which a cost is taken
IN_FLIGHT = 8
EMBEDDING_LENGTH = 384  # tests/bench/loopback_models.h
DEAD_PROXY = "http://127.0.0.1:9"


# --- The server: tests/bench/loopback_models.cpp in Python --------------------------------------------

LEAVES = ["r.probs.mean(0)", "r.load_global", "(r.probs.mean(0) - r.load_global)",
          "torch.log(r.probs.mean(0) + 0.01)", "(r.probs ** 2).mean(0)"]


def vector_expression(rng, depth):
    if depth == 0:
        return rng.choice(LEAVES)
    first = vector_expression(rng, depth - 1)
    number = f"{rng.uniform(0.1, 2):f}"
    return [
        lambda: f"({first} + {number} * {vector_expression(rng, depth - 1)})",
        lambda: f"({first} - {vector_expression(rng, depth - 1)})",
        lambda: f"({first} * {vector_expression(rng, depth - 1)})",
        lambda: f"torch.relu({first} - {number})",
        lambda: f"({first} ** 2)",
        lambda: f"torch.tanh({number} * {first})",
        lambda: f"({number} * {first})",
    ][rng.randrange(7)]()


def program(rng):
    return ("# EVOLVE-BLOCK-START\ndef balance_loss(r):\n"
            f"    return {rng.uniform(0.1, 2):f} * (r.probs.mean(0) * {vector_expression(rng, 3)}).sum()\n"
            "# EVOLVE-BLOCK-END\n")


def chat_text(rng):
    """A full rewrite in the form that Shinka asks for; OpenEvolve reads its code block."""
    return (f"<NAME>\nterms_{rng.getrandbits(32):08x}\n</NAME>\n<DESCRIPTION>\nTerms drawn at random.\n"
            f"</DESCRIPTION>\n<CODE>\n```python\n{program(rng)}```\n</CODE>\n")


def embedding(text, as_base64):
    """What all texts have in common, and what this one is."""
    common, own = random.Random("common"), random.Random(text)
    vector = [0.05 * (common.gauss(0, 1) + 0.7 * own.gauss(0, 1)) for _ in range(EMBEDDING_LENGTH)]
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if as_base64 else vector


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rng = random.Random(1)
    lock = threading.Lock()
    counts = {"chat": 0, "embeddings": 0}

    def log_message(self, *_):
        pass

    def respond(self, status, body):
        raw = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        self.wfile.write(head.encode() + raw)

    def do_GET(self):
        with self.lock:
            self.respond(200, self.counts)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.rsplit("/", 1)[-1].replace("completions", "chat")
        if kind not in self.counts:
            return self.respond(404, {"error": {"message": f"no {self.path} here"}})
        with self.lock:
            self.counts[kind] += 1
            text = chat_text(self.rng)
        if kind == "chat":
            message = {"role": "assistant", "content": text}
            return self.respond(200, {
                "id": "bench", "object": "chat.completion", "created": 0, "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 2000, "completion_tokens": 200, "total_tokens": 2200}})
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        as_base64 = request.get("encoding_format") == "base64"
        self.respond(200, {
            "object": "list", "model": request["model"],
            "data": [{"object": "embedding", "index": i, "embedding": embedding(t, as_base64)}
                     for i, t in enumerate(texts)],
            "usage": {"prompt_tokens": 150, "total_tokens": 150}})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(port):
    server = Server(("127.0.0.1", port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


# --- Inside a peer's process ----------------------------------------------------------------------------


def seconds(usage):
    return usage.ru_utime + usage.ru_stime


def workers_seconds():
    """Processor time of the children that live, theirs included."""
    total = 0
    for task in pathlib.Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            fields = pathlib.Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


class Meter:
    """Takes the cost at each size; ends the process after the last one."""

    def __init__(self, job, at_a_time, workers):
        self.job, self.at_a_time, self.workers = job, at_a_time, workers
        self.added, self.begin, self.out = 0, None, []
        self.sizes = sorted(job["candidates"])

    def now(self, size):
        with urllib.request.urlopen(self.job["url"] + "/counts") as reply:
            counts = json.load(reply)
        evaluations = 0 if self.workers else seconds(resource.getrusage(resource.RUSAGE_CHILDREN))
        return dict(counts, added=self.added, size=size, wall=time.perf_counter(), evaluation=evaluations,
                    cpu=seconds(resource.getrusage(resource.RUSAGE_SELF)) + (workers_seconds() if self.workers else 0))

    def add(self, size):
        """A candidate was added to the database, which holds `size` now."""
        self.added += 1
        if self.begin is None:
            if size >= self.sizes[0]:
                self.begin = self.now(size)
            return
        if self.added < self.begin["added"] + WINDOW:
            return
        begin, end = self.begin, self.now(size)
        calls = end["chat"] - begin["chat"]  # one a proposal
        each = lambda part, unit=1: unit * (end[part] - begin[part]) / calls
        self.out.append({
            "candidates": self.sizes.pop(0), "size": begin["size"], "at_a_time": self.at_a_time,
            "cpu_ms": each("cpu", 1e3), "wall_ms": each("wall", 1e3), "added": each("added"),
            "evaluation_cpu_ms": None if self.workers else each("evaluation", 1e3), "embeddings": each("embeddings")})
        pathlib.Path("result.json").write_text(json.dumps(self.out))
        self.begin = None
        if not self.sizes:
            os._exit(0)  # what still runs is ended by who started us


def run_openevolve(job):
    from openevolve import OpenEvolve
    from openevolve.config import Config, LLMModelConfig

    pathlib.Path("evaluate.py").write_text(
        "import zlib\n\n\ndef evaluate(path):\n"
        "    return {'combined_score': zlib.crc32(open(path, 'rb').read()) / 2**32}\n")
    config = Config(max_iterations=job["proposals"], diff_based_evolution=False)
    config.llm.api_base = job["url"] + "/v1"
    models = [LLMModelConfig(name="loopback-chat", api_key="none")]
    config.llm.models = config.llm.evaluator_models = models
    config.llm.update_model_params({key: getattr(config.llm, key) for key in (
        "api_base", "temperature", "max_tokens", "timeout", "retries", "retry_delay")})
    config.evaluator.parallel_evaluations = IN_FLIGHT
    config.evaluator.cascade_evaluation = False
    config.database.population_size = job["proposals"]  # none is thrown out
    if job["novelty"]:
        config.database.embedding_model = "loopback-embed"
        config.database.embedding_api_base = job["url"] + "/v1"
    evolve = OpenEvolve("initial.py", "evaluate.py", config, output_dir="out")
    meter, add = Meter(job, IN_FLIGHT, workers=True), evolve.database.add

    def counted(*args, **kwargs):
        out = add(*args, **kwargs)
        meter.add(len(evolve.database.programs))
        return out

    evolve.database.add = counted
    asyncio.run(evolve.run())


def run_shinka(job):
    from shinka.core import EvolutionConfig, ShinkaEvolveRunner
    from shinka.database import DatabaseConfig
    from shinka.database.async_dbase import AsyncProgramDatabase
    from shinka.launch import LocalJobConfig

    # A shell instead of a Python for each evaluation: less of the machine's time.
    pathlib.Path("evaluate.sh").write_text(
        'read -r sum _ <<END\n$(cksum < "$2")\nEND\n'
        'echo "{\\"combined_score\\": $sum, \\"public\\": {}, \\"private\\": {}}" > "$4/metrics.json"\n'
        'echo "{\\"correct\\": true, \\"error\\": null}" > "$4/correct.json"\n')
    chat = f"local/loopback-chat@{job['url']}/v1"
    config = EvolutionConfig(
        num_generations=job["proposals"], patch_types=["full"], patch_type_probs=[1.0], llm_models=[chat],
        embedding_model=f"local/loopback-embed@{job['url']}/v1" if job["novelty"] else None,
        novelty_llm_models=[chat] if job["novelty"] else None, init_program_path="initial.py", results_dir="out")
    local = LocalJobConfig(eval_program_path="evaluate.sh", python_executable="/bin/sh")
    # It asks for fewer at a time where the machine has few cores. Not verbose: its tables would cost as much again.
    runner = ShinkaEvolveRunner(config, local, DatabaseConfig(), verbose=False, max_evaluation_jobs=IN_FLIGHT,
                                max_proposal_jobs=IN_FLIGHT, max_db_workers=IN_FLIGHT)
    meter, add = Meter(job, runner.max_proposal_jobs, workers=False), AsyncProgramDatabase.add_program_async

    async def counted(*args, **kwargs):
        out = await add(*args, **kwargs)
        meter.add(meter.added + 1)
        return out

    AsyncProgramDatabase.add_program_async = counted
    runner.run()


PEERS = {"openevolve": run_openevolve, "shinka": run_shinka}


def peer_main(job):
    pathlib.Path("initial.py").write_text(program(random.Random(0)))
    PEERS[job["peer"]](job)
    sys.exit(f"{job['peer']} ended by itself before enough candidates were in its database")


# --- The comparison -------------------------------------------------------------------------------------


def fail(message):
    sys.exit(f"llm_peers: {message}")


def start_server(port):
    server = subprocess.Popen([sys.executable, __file__, "--serve", str(port)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    line = server.stdout.readline().strip()
    if not line:
        fail(f"the server could not listen on 127.0.0.1:{port}: {server.stderr.read().strip().splitlines()[-1]}")
    return server, f"http://127.0.0.1:{line}"


def environment(folder, url):
    proxies = {name: DEAD_PROXY for name in ("http_proxy", "https_proxy", "all_proxy")}
    proxies |= {name.upper(): value for name, value in proxies.items()}
    return dict(proxies, no_proxy="127.0.0.1", NO_PROXY="127.0.0.1", PATH=os.environ["PATH"], HOME=folder,
                TMPDIR=folder, OPENAI_API_KEY="none", OPENAI_BASE_URL=url + "/v1", OPENAI_API_BASE=url + "/v1")


def measure(peer, novelty, candidates, port, timeout):
    server, url = start_server(port)
    job = dict(peer=peer, novelty=novelty, candidates=candidates, url=url,
               proposals=2 * (max(candidates) + 2 * WINDOW))
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            log = pathlib.Path(folder) / "log"
            with open(log, "w") as out:
                process = subprocess.Popen(
                    [sys.executable, os.path.abspath(__file__), "--job", json.dumps(job)], cwd=folder,
                    env=environment(folder, url), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    start_new_session=True)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # its session: workers and evaluations
                except ProcessLookupError:
                    pass
                process.wait()
            result = pathlib.Path(folder) / "result.json"
            figures = json.loads(result.read_text()) if result.exists() else []
            missing = sorted(set(candidates) - {f["candidates"] for f in figures})
            lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            return figures, missing and (
                f"no figures of {peer} at {missing} candidates within {timeout:.0f} s; it said last: {lines[-1]}")
    finally:
        server.kill()
        server.wait()


def measure_ballast(path, candidates):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([path, "--parts", "overhead", "--candidates", *map(str, candidates), "--folder", folder,
                               "--json"], capture_output=True, text=True)
    _, brace, body = done.stdout.partition("\n{")
    if done.returncode != 0 or not brace:
        fail(f"{path} printed no figures (exit code {done.returncode}): {done.stderr.strip() or 'it said nothing'}")
    return json.loads(brace + body)["overhead"]


def row(out, system, figures, ballast):
    base = {b["candidates"]: b for b in ballast}
    for f in figures:
        b = base[f["candidates"]]
        f["cpu_ratio"], f["wall_ratio"] = f["cpu_ms"] / b["cpu_ms"], f["wall_ms"] / b["wall_ms"]
        apart = "" if f.get("evaluation_cpu_ms") is None else f"{f['evaluation_cpu_ms']:.1f}"
        print(f"{system:<32} {f['candidates']:>10} {f['cpu_ms']:>8.1f} {f['wall_ms']:>8.1f} {f['cpu_ratio']:>6.1f} "
              f"{f['wall_ratio']:>6.1f}  {apart:>10}  {f.get('at_a_time', IN_FLIGHT):>9}", flush=True)
        out.append(dict(f, system=system))


def compare(options):
    out, versions = [], {}
    for peer in options.peers:
        try:
            versions[peer] = importlib.metadata.version(PACKAGES[peer])
        except importlib.metadata.PackageNotFoundError:
            fail(f"{PACKAGES[peer]} is not installed in the environment of {sys.executable}; see --help")
    if not os.access(options.ballast, os.X_OK) or not os.path.isfile(options.ballast):
        fail(f"no program at {options.ballast}: build llm_overhead or give --ballast")
    print(f"milliseconds a proposal over {WINDOW} new candidates; ratio: peer / Ballast\n"
          f"{'':<32} {'candidates':>10} {'CPU':>8} {'wall':>8} {'ratio':>6} {'ratio':>6}  evaluation  at a time\n"
          f"{'':<32} {'':>10} {'':>8} {'':>8} {'CPU':>6} {'wall':>6}  CPU, apart")
    ballast = measure_ballast(options.ballast, options.candidates)
    row(out, "Ballast, novelty on", ballast, ballast)
    for peer in options.peers:
        for novelty in options.novelty:
            figures, problem = measure(peer, novelty == "on", options.candidates, options.port, options.timeout)
            row(out, f"{PACKAGES[peer]} {versions[peer]}, novelty {novelty}", figures, ballast)
            if problem:
                fail(problem)
    if options.json:
        print(json.dumps(out, indent=2))


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ballast", default=str(root / "build/release/llm_overhead"))
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--novelty", nargs="+", default=["on", "off"], choices=["on", "off"])
    parser.add_argument("--candidates", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--port", type=int, default=0, help="of the server; 0: any")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that a peer's run may take")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON at the end")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
    elif options.job is not None:
        peer_main(options.job)
    elif min(options.candidates) < 1 or not 0 <= options.port < 65536:
        parser.error("candidates are 1 or more, a port is below 65536")
    else:
        compare(options)


if __name__ == "__main__":
    main()
