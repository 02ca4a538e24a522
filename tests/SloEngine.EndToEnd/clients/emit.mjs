// Sends all three signals through the OpenTelemetry JS SDK and its exporters: emit.mjs grpc|proto|http ENDPOINT SERVICE
import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { Resource } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, endpoint, service] = process.argv.slice(2);
const url = (path) => (protocol === 'grpc' ? endpoint : endpoint + path);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${protocol}`);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${protocol}`);
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${protocol}`);
const resource = new Resource({ 'service.name': service });

const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: url('/v1/metrics') }), exportIntervalMillis: 3600000 })],
});
const meter = meters.getMeter('js');
meter.createCounter('js.orders').add(11, { kind: 'x' });
const latency = meter.createHistogram('js.latency', { unit: 'ms', advice: { explicitBucketBoundaries: [10, 100] } });
latency.record(5);
latency.record(50);
await meters.forceFlush();

const traces = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: url('/v1/traces') }))] });
const span = traces.getTracer('js').startSpan('js-span', { kind: SpanKind.SERVER, attributes: { whole: 7, half: 0.5, list: ['a', 'b'] } });
span.addEvent('noted', { n: 1 });
span.setStatus({ code: SpanStatusCode.ERROR, message: 'js broke' });
span.end();
await traces.forceFlush();

const logs = new LoggerProvider({ resource });
logs.addLogRecordProcessor(new SimpleLogRecordProcessor(new OTLPLogExporter({ url: url('/v1/logs') })));
logs.getLogger('js').emit({ body: 'js says hello', severityNumber: 13, severityText: 'WARN', context: trace.setSpan(context.active(), span) });
await logs.forceFlush();

await Promise.all([meters.shutdown(), traces.shutdown(), logs.shutdown()]);
console.log(JSON.stringify({ traceId: span.spanContext().traceId, spanId: span.spanContext().spanId }));
