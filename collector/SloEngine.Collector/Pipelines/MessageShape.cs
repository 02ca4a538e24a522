using SloEngine.Collector.Ingest;

namespace SloEngine.Collector.Pipelines;

/// <summary>What a field of a message holds, as far as pipelines edit it.</summary>
internal enum FieldRole : byte
{
    /// <summary>Copied as it is.</summary>
    Other,
    /// <summary>A <c>KeyValue</c>.</summary>
    Attribute,
    /// <summary>A text of people or programs, such as the message of a status.</summary>
    Text,
    /// <summary>An <c>AnyValue</c>: the body of a log record.</summary>
    Value,
    /// <summary>A message that holds such fields.</summary>
    Message,
}

/// <summary>Where in the messages of OTLP (metrics.proto, logs.proto, trace.proto) attributes and texts are.</summary>
internal sealed class MessageShape
{
    private const int MaxField = 15;

    private static readonly MessageShape Resource = new((1, FieldRole.Attribute, null));
    private static readonly MessageShape Scope = new((3, FieldRole.Attribute, null));

    private static readonly MessageShape Span = new(
        (9, FieldRole.Attribute, null),
        (11, FieldRole.Message, new MessageShape((3, FieldRole.Attribute, null))),
        (13, FieldRole.Message, new MessageShape((4, FieldRole.Attribute, null))),
        (15, FieldRole.Message, new MessageShape((2, FieldRole.Text, null))));

    private static readonly MessageShape LogRecord = new((5, FieldRole.Value, null), (6, FieldRole.Attribute, null));

    private static readonly MessageShape Exemplar = new((7, FieldRole.Attribute, null));
    private static readonly MessageShape Numbers = new((1, FieldRole.Message, new MessageShape((7, FieldRole.Attribute, null), (5, FieldRole.Message, Exemplar))));
    private static readonly MessageShape Histograms = new((1, FieldRole.Message, new MessageShape((9, FieldRole.Attribute, null), (8, FieldRole.Message, Exemplar))));
    private static readonly MessageShape Exponential = new((1, FieldRole.Message, new MessageShape((1, FieldRole.Attribute, null), (11, FieldRole.Message, Exemplar))));
    private static readonly MessageShape Summaries = new((1, FieldRole.Message, new MessageShape((7, FieldRole.Attribute, null))));

    private static readonly MessageShape Metric = new(
        (5, FieldRole.Message, Numbers), (7, FieldRole.Message, Numbers), (9, FieldRole.Message, Histograms), (10, FieldRole.Message, Exponential),
        (11, FieldRole.Message, Summaries), (12, FieldRole.Attribute, null));

    private static readonly MessageShape Metrics = Request(Metric);
    private static readonly MessageShape Logs = Request(LogRecord);
    private static readonly MessageShape Traces = Request(Span);

    private readonly FieldRole[] _roles = new FieldRole[MaxField + 1];
    private readonly MessageShape?[] _shapes = new MessageShape?[MaxField + 1];

    private MessageShape(params ReadOnlySpan<(int Field, FieldRole Role, MessageShape? Shape)> fields)
    {
        foreach ((int field, FieldRole role, MessageShape? shape) in fields)
        {
            (_roles[field], _shapes[field]) = (role, shape);
            AttributesField = role == FieldRole.Attribute ? field : AttributesField;
        }
    }

    /// <summary>Number of the field that holds attributes; 0 for none.</summary>
    public int AttributesField { get; }

    /// <summary>The shape of a signal's request.</summary>
    public static MessageShape Of(Signal signal) => signal switch
    {
        Signal.Metrics => Metrics,
        Signal.Logs => Logs,
        _ => Traces,
    };

    /// <summary>Number of the attributes field in the data points of a metric's <c>data</c> field.</summary>
    public static int PointAttributes(int dataField) => dataField switch { 9 => 9, 10 => 1, _ => 7 };

    public FieldRole RoleOf(int field) => field <= MaxField ? _roles[field] : FieldRole.Other;

    public MessageShape ShapeOf(int field) => _shapes[field]!;

    private static MessageShape Request(MessageShape item) => new((1, FieldRole.Message, new MessageShape(
        (1, FieldRole.Message, Resource), (2, FieldRole.Message, new MessageShape((1, FieldRole.Message, Scope), (2, FieldRole.Message, item))))));
}
