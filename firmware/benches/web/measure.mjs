// Full scans and single inferences of the core as WebAssembly and native, beside TensorFlow.js and ONNX Runtime Web, on one thread, turn
// by turn.
//
//   node firmware/benches/web/measure.mjs [--rounds 25] [--chromium /usr/bin/chromium] [--python python3] [--modules FOLDER]
//
// A full scan is a search of a grey frame of 320x240 at all scales, alignment and classification by `edge`, from grey bytes to the
// readout. The other engines have no finder, so they are compared by the network alone, from normalized face to logits: the core runs
// `edge`, they run its layers with random weights. Frames have drawn faces of several sizes, or none (scenes.rs).
//
// Needs Rust that compiles for wasm32-unknown-unknown (.ci/cross-cargo finds it), node, Chromium, and a Python with onnx, onnxruntime and
// numpy. npm installs what else it needs into target/web-bench, or --modules names a folder where it is. Writes web.csv beside this file,
// a row for each call, and prints medians.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PACKAGES = {
    'playwright-core': '1.65.1',
    '@tensorflow/tfjs': '4.22.0',
    '@tensorflow/tfjs-backend-wasm': '4.22.0',
    'onnxruntime-web': '1.30.0',
};
const FRAMES = 12;
// Calls of a turn; the slow ones, in plain JavaScript, are fewer.
const CALLS = name => (name.startsWith('tfjs cpu') ? [1, 2] : [3, FRAMES]);

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'web-bench');

const run = (program, args, environment = {}) => {
    const { status, error } = spawnSync(program, args, { cwd: here, stdio: 'inherit', env: { ...process.env, ...environment } });
    if (status !== 0) {
        throw error ?? new Error(`${program} ${args.join(' ')} failed`);
    }
};

// The native program, and WebAssembly with vectors and without them.
const build = () => {
    run('cargo', ['build', '--release', '--locked', '--bin', 'native', '--target-dir', target]);
    for (const [folder, flags] of [['simd', '-Ctarget-feature=+simd128'], ['scalar', '']]) {
        run(join(root, '.ci/cross-cargo'), ['wasm32-unknown-unknown', 'build', '--release', '--locked', '--lib', '--target-dir',
            join(target, folder)], { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: flags });
    }
};

// The folder of npm's packages, of these versions.
const install = folder => {
    const version = name => {
        const file = join(folder, 'node_modules', name, 'package.json');
        return existsSync(file) ? JSON.parse(readFileSync(file)).version : undefined;
    };
    if (Object.entries(PACKAGES).some(([name, wanted]) => version(name) !== wanted)) {
        const names = Object.entries(PACKAGES).map(([name, wanted]) => `${name}@${wanted}`);
        run('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', ...names]);
    }
    return join(folder, 'node_modules');
};

// Serves the page and what it loads. Clocks are fine only where the page is isolated from others.
const serve = modules => {
    const wasm = folder => join(target, folder, 'wasm32-unknown-unknown/release/web_bench.wasm');
    const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
    const file = path => {
        if (path === '/core-simd.wasm') return wasm('simd');
        if (path === '/core-scalar.wasm') return wasm('scalar');
        if (path.startsWith('/modules/')) return join(modules, path.slice('/modules'.length));
        if (path.startsWith('/networks/')) return join(target, path);
        return join(here, path === '/' ? 'index.html' : path);
    };
    const server = createServer(({ url }, response) => {
        const path = file(normalize(new URL(url, 'http://localhost').pathname));
        response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
        response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
        if (!existsSync(path)) {
            response.writeHead(404).end();
            return;
        }
        response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
        response.end(readFileSync(path));
    });
    return new Promise(resolve => {
        server.listen(0, '127.0.0.1', () => resolve(server));
    });
};

// The native program, which answers a line with a line of numbers.
const startNative = () => {
    const child = spawn(join(target, 'release/native'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ask = async line => {
        child.stdin.write(`${line}\n`);
        return (await lines.next()).value.split(' ').map(Number);
    };
    return { ask, stop: () => child.stdin.end() };
};

const median = values => {
    const sorted = values.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

// What a program's version is: the package's, or the browser's that runs the core.
const versionOf = (name, browser) => {
    const [engine] = name.split(/[ ,]/);
    const versions = { native: '', core: `Chromium ${browser}`, 'onnxruntime-web': PACKAGES['onnxruntime-web'], tfjs: PACKAGES['@tensorflow/tfjs'] };
    return versions[engine];
};

const cpu = cpus()[0].model;
const { values: options } = parseArgs({
    options: {
        rounds: { type: 'string', default: '25' },
        chromium: { type: 'string', default: '/usr/bin/chromium' },
        python: { type: 'string', default: 'python3' },
        modules: { type: 'string', default: join(target, 'npm') },
    },
});
build();
run(options.python, [join(here, 'networks.py'), join(target, 'networks')]);
const modules = install(options.modules);
const { chromium } = createRequire(join(modules, 'none.js'))('playwright-core');
const server = await serve(modules);
const browser = await chromium.launch({ executablePath: options.chromium, args: ['--no-sandbox', '--disable-gpu'] });
const native = startNative();
try {
    const page = await browser.newPage();
    page.on('console', message => console.error(message.text()));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction('window.turn !== undefined');
    if (!await page.evaluate('crossOriginIsolated')) {
        throw new Error('the page is not isolated, its clock is coarse');
    }
    const digests = (await native.ask('digests')).join();
    for (const path of ['/core-simd.wasm', '/core-scalar.wasm']) {
        const seen = await page.evaluate(`digests('${path}', ${FRAMES})`);
        if (seen.join() !== digests) {
            throw new Error(`${path} sees ${seen}, the native program ${digests}`);
        }
    }
    const inPage = await page.evaluate('prepare()');
    const turns = {
        'native, full scan': async () => (await native.ask(`scan ${3 + FRAMES}`)).slice(3),
        'native, network': async () => (await native.ask(`infer ${3 + FRAMES}`)).slice(3),
        ...Object.fromEntries(inPage.map(name => [name, () => page.evaluate(([...words]) => turn(...words), [name, ...CALLS(name)])])),
    };
    const times = new Map(Object.keys(turns).map(name => [name, []]));
    for (let round = 1; round <= Number(options.rounds); round++) {
        for (const [name, turn] of Object.entries(turns)) {
            times.get(name).push(await turn());
        }
        process.stderr.write(`round ${round} of ${options.rounds}\r`);
    }
    const rows = ['round,program,version,milliseconds,cpu'];
    for (const [name, rounds] of times) {
        const release = versionOf(name, browser.version());
        rounds.forEach((calls, at) => calls.forEach(time => rows.push(
            `${at + 1},"${name}",${release},${time.toFixed(3)},${cpu}`,
        )));
    }
    writeFileSync(join(here, 'web.csv'), `${rows.join('\n')}\n`);
    console.log(`Chromium ${browser.version()}, ${cpu}`);
    for (const [name, rounds] of times) {
        const own = times.get(name.endsWith('scan') ? 'native, full scan' : 'native, network');
        const ratio = median(rounds.map((calls, at) => median(calls) / median(own[at])));
        const all = rounds.flat();
        console.log(`${name.padEnd(32)}${median(all).toFixed(3).padStart(9)} ms of ${String(all.length).padStart(3)}${
            ratio.toFixed(2).padStart(9)} times native`);
    }
} finally {
    native.stop();
    await browser.close();
    server.close();
}
