using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Metrics;

/// <summary>
/// Decodes <c>ExportMetricsServiceRequest</c> (metrics_service.proto, metrics.proto) straight into columns. Reusable, not thread-safe.
/// A message that is no protobuf leaves nothing behind; a data point that makes no sense is rejected and counted.
/// </summary>
/// <param name="index">Gives out series references.</param>
/// <param name="hashKey">Key of the raw identities; the same for all decoders over one index.</param>
public sealed partial class MetricsDecoder(ISeriesIndex index, UInt128 hashKey)
{
    /// <summary>The value of a point that says "no recorded value": Prometheus' stale marker.</summary>
    public static readonly double StaleMarker = BitConverter.UInt64BitsToDouble(0x7FF0000000000002);

    private const uint NoRecordedValue = 1;

    /// <summary>Each quantile is a series of its own with all the attributes of the point.</summary>
    private const int MaxQuantiles = 100;

    /// <summary>The members of <c>Metric</c>'s oneof <c>data</c>, as bits: gauge, sum, histogram, exponential_histogram, summary.</summary>
    private const uint DataMembers = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11;

    private readonly RejectedItems _items = new();
    private readonly List<double> _bounds = [];
    private readonly List<(double Quantile, double Value)> _quantiles = [];
    private MetricBlock _block = null!;
    private int _accepted;
    private int _rejected;
    private string? _error;
    private int _resource;
    private int _scope;
    private int _metric;
    private int _point;

    /// <summary>Times that points may have.</summary>
    public TimeWindow Window { get; set; } = TimeWindow.All;

    /// <summary>Which items of the last request were rejected, for <c>Decode</c> to pass over them when it is decoded again; empty when none was.</summary>
    public ReadOnlyMemory<byte> RejectedItems => _items.Noted();

    /// <summary>Decodes a request into <paramref name="block"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="block">Takes its points.</param>
    /// <param name="rejected">What was rejected when it was decoded before, and is passed over (<see cref="RejectedItems"/>).</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message; the block is as it was.</exception>
    public DecodeResult Decode(ReadOnlySpan<byte> request, MetricBlock block, ReadOnlyMemory<byte> rejected = default)
    {
        (_block, _accepted, _rejected, _error) = (block, 0, 0, null);
        _items.Begin(rejected);
        (_resource, _scope, _metric, _point) = (-1, -1, -1, -1);
        _exemplarBounds.Begin();
        (int Numbers, int Histograms, int Exponential, int Float, int Exemplars) mark = block.Mark();
        try
        {
            var reader = new ProtobufReader(request);
            while (reader.Next())
            {
                if (reader.Field == 1)
                {
                    _resource++;
                    ResourceMetrics(reader.MessageField());
                }
                else
                {
                    reader.Skip();
                }
            }
        }
        catch (OtlpFormatException malformed)
        {
            block.Truncate(mark);
            throw new OtlpFormatException(Path(), malformed);
        }
        return _exemplarBounds.AddTo(new DecodeResult(_accepted, _rejected, _error));
    }

    private void ResourceMetrics(ProtobufReader message)
    {
        (_scope, _metric, _point) = (-1, -1, -1);
        ReadOnlySpan<byte> resource = message.Merged(1);
        UInt128 identity = IdentityHash.Hash(resource, hashKey);
        while (message.Next())
        {
            if (message.Field == 2)
            {
                _scope++;
                ScopeMetrics(message.MessageField(), resource, identity);
            }
            else
            {
                message.Skip();
            }
        }
    }

    private void ScopeMetrics(ProtobufReader message, ReadOnlySpan<byte> resource, UInt128 resourceIdentity)
    {
        (_metric, _point) = (-1, -1);
        ReadOnlySpan<byte> scope = message.Merged(1, text: 3, out ReadOnlySpan<byte> schemaUrl);
        UInt128 identity = IdentityHash.Hash(scope, resourceIdentity);
        if (!schemaUrl.IsEmpty)
        {
            identity = IdentityHash.Hash(schemaUrl, identity);
        }
        while (message.Next())
        {
            if (message.Field == 2)
            {
                _metric++;
                Metric(message.MessageField(), new MetricContext { Resource = resource, ResourceIdentity = resourceIdentity, Scope = scope, SchemaUrl = schemaUrl, Identity = identity });
            }
            else
            {
                message.Skip();
            }
        }
    }

    private void Metric(ProtobufReader message, MetricContext metric)
    {
        _point = -1;
        ProtobufReader whole = message;
        ProtobufReader data = default;
        int dataField = 0;
        int dataFields = 0;
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    metric.Name = AttributeReader.ValidText(message.BytesField());
                    break;
                case 2:
                    metric.Description = AttributeReader.ValidText(message.BytesField());
                    break;
                case 3:
                    metric.Unit = AttributeReader.ValidText(message.BytesField());
                    break;
                case 5 or 7 or 9 or 10 or 11:
                    dataField = message.Field;
                    data = message.MessageField();
                    dataFields++;
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
        if (dataField == 0)
        {
            return;
        }
        if (dataFields > 1)
        {
            ProtobufReader settled = whole.Settled(DataMembers, DataMembers);
            settled.Next();
            dataField = settled.Field;
            data = settled.MessageField();
        }

        bool isMonotonic = false;
        ProtobufReader settings = data;
        while (settings.Next())
        {
            if (settings.Field == 2 && dataField is (7 or 9 or 10))
            {
                metric.Temporality = (Temporality)Math.Min(settings.VarintField(), byte.MaxValue);
            }
            else if (settings.Field == 3 && dataField == 7)
            {
                isMonotonic = settings.VarintField() != 0;
            }
            else
            {
                settings.Skip();
            }
        }
        metric.Kind = dataField switch
        {
            7 when isMonotonic => MetricKind.Counter,
            9 => MetricKind.Histogram,
            10 => MetricKind.ExponentialHistogram,
            11 => MetricKind.Summary,
            _ => MetricKind.Gauge,
        };
        string? wrong = metric.Name.IsEmpty ? "the metric has no name"
            : dataField is 7 or 9 or 10 && metric.Temporality is not (Temporality.Delta or Temporality.Cumulative)
                ? "aggregation_temporality is neither delta nor cumulative" : null;

        Span<byte> traits = stackalloc byte[2] { (byte)metric.Kind, (byte)metric.Temporality };
        metric.Identity = IdentityHash.Hash(metric.Unit, IdentityHash.Hash(metric.Name, IdentityHash.Hash(traits, metric.Identity)));
        while (data.Next())
        {
            if (data.Field != 1)
            {
                data.Skip();
                continue;
            }
            _point++;
            ReadOnlySpan<byte> bytes = data.BytesField();
            if (!_items.Next())
            {
                continue;
            }
            var point = new ProtobufReader(bytes, data.Offset - bytes.Length);
            if (wrong is not null)
            {
                Reject(wrong);
                continue;
            }
            bool accepted = dataField switch
            {
                9 => Histogram(ref point, bytes, in metric),
                10 => ExponentialHistogram(ref point, bytes, in metric),
                11 => Summary(ref point, bytes, in metric),
                _ => Number(ref point, bytes, in metric),
            };
            _accepted += accepted ? 1 : 0;
        }
    }

    private bool Resolve(
        ReadOnlySpan<byte> point, in FieldRun attributes, int attributesField, in MetricContext metric, ReadOnlySpan<double> bounds,
        out int series, SeriesPart part = SeriesPart.Whole, double quantile = 0)
    {
        UInt128 identity = attributes.Hash(point, attributesField, metric.Identity);
        if (!bounds.IsEmpty)
        {
            identity = IdentityHash.Hash(MemoryMarshal.AsBytes(bounds), identity);
        }
        if (part != SeriesPart.Whole)
        {
            Span<byte> suffix = stackalloc byte[9];
            suffix[0] = (byte)part;
            BinaryPrimitives.WriteDoubleLittleEndian(suffix[1..], quantile);
            identity = IdentityHash.Hash(suffix, identity);
        }
        string? rejection = null;
        if (!index.TryGet(identity, out series))
        {
            series = index.Register(
                new RawSeries
                {
                    Identity = identity,
                    ResourceIdentity = metric.ResourceIdentity,
                    Resource = metric.Resource,
                    Scope = metric.Scope,
                    SchemaUrl = metric.SchemaUrl,
                    Name = metric.Name,
                    Unit = metric.Unit,
                    Description = metric.Description,
                    Kind = metric.Kind,
                    Temporality = metric.Temporality,
                    Point = point,
                    AttributesField = attributesField,
                    Bounds = bounds,
                    Part = part,
                    Quantile = quantile,
                },
                out rejection);
        }
        if (series >= 0)
        {
            return true;
        }
        return Reject(rejection ?? "the series was rejected before");
    }

    private bool TimesAreGiven(long time, long start) =>
        !Window.Contains(time) ? Reject(Window.Refusal("time_unix_nano", time))
        : start >= 0 || Reject("start_time_unix_nano is past the year 2262");

    /// <summary>Counts a point as rejected; false, for the caller to return.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Reject(string reason)
    {
        _rejected++;
        _items.Reject();
        _error ??= $"{Path()}: {reason}";
        return false;
    }

    private string Path()
    {
        var path = new System.Text.StringBuilder();
        void Add(string name, int position)
        {
            if (position >= 0)
            {
                path.Append(CultureInfo.InvariantCulture, $"{(path.Length == 0 ? "" : ".")}{name}[{position}]");
            }
        }
        Add("resource_metrics", _resource);
        Add("scope_metrics", _scope);
        Add("metrics", _metric);
        Add("data_points", _point);
        return path.Length == 0 ? "ExportMetricsServiceRequest" : path.ToString();
    }

    /// <summary>What is known of a metric while its points are decoded.</summary>
    private ref struct MetricContext
    {
        public ReadOnlySpan<byte> Resource;
        public UInt128 ResourceIdentity;
        public ReadOnlySpan<byte> Scope;
        public ReadOnlySpan<byte> SchemaUrl;
        public ReadOnlySpan<byte> Name;
        public ReadOnlySpan<byte> Unit;
        public ReadOnlySpan<byte> Description;
        public MetricKind Kind;
        public Temporality Temporality;

        /// <summary>Hash of what comes before the points: of resource and scope at first.</summary>
        public UInt128 Identity;
    }
}
