// Calls the external scaler as KEDA's operator does, the stream of signals and the health service: keda.mjs HOST:PORT POLICY
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, policy] = process.argv.slice(2);
const load = (file) => grpc.loadPackageDefinition(loader.loadSync(fileURLToPath(new URL(file, import.meta.url)), { keepCase: true, longs: Number, defaults: true }));
const credentials = grpc.credentials.createInsecure();
const scaler = new (load('externalscaler.proto').externalscaler.ExternalScaler)(address, credentials);
const health = new (load('services.proto').grpc.health.v1.Health)(address, credentials);
const signals = new (load('scaling.proto').sloengine.scaling.v1.ScalingSignals)(address, credentials);
const call = (client, method, request) =>
  new Promise((done) => client[method](request, { deadline: Date.now() + 10000 }, (error, answer) => done(error ? { code: error.code, details: error.details } : answer)));

const target = { name: 'app', namespace: 'shop', scalerMetadata: { policy } };
const stream = scaler.StreamIsActive(target);
const first = await new Promise((done, fail) => stream.once('data', done).once('error', fail));
stream.on('error', () => {});
stream.cancel();
const watching = signals.Watch({ policies: [policy] });
const signal = await new Promise((done, fail) => watching.once('data', done).once('error', fail));
watching.on('error', () => {});
watching.cancel();
console.log(
  JSON.stringify({
    isActive: await call(scaler, 'IsActive', target),
    streamed: first,
    signal,
    spec: await call(scaler, 'GetMetricSpec', target),
    metrics: await call(scaler, 'GetMetrics', { scaledObjectRef: target, metricName: `sloengine-${policy}` }),
    unknown: await call(scaler, 'IsActive', { name: 'x', namespace: 'y', scalerMetadata: { policy: 'nope' } }),
    health: await call(health, 'Check', { service: '' }),
    healthOfScaler: await call(health, 'Check', { service: 'externalscaler.ExternalScaler' }),
  }),
);
scaler.close();
health.close();
signals.close();
