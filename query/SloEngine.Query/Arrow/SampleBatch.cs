using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Arrow;

/// <summary>Samples in columns, one row each.</summary>
internal sealed class SampleBatch
{
    private const int MaxRows = 32 * 1024;
    private const int MaxTextBytes = 8 << 20;

    private readonly List<int> _labelEnds = [0];
    private readonly List<long> _timesMs = [];
    private readonly List<double> _numbers = [];

    public int Rows => _timesMs.Count;

    /// <summary>Whether it is time to write it.</summary>
    public bool IsFull => Rows >= MaxRows || Names.Bytes.Length + Values.Bytes.Length + Histograms.Bytes.Length >= MaxTextBytes;

    /// <summary>Number of labels before each row, and of all.</summary>
    public ReadOnlySpan<int> LabelEnds => CollectionsMarshal.AsSpan(_labelEnds);

    public TextColumn Names { get; } = new();

    public TextColumn Values { get; } = new();

    public ReadOnlySpan<long> TimesMs => CollectionsMarshal.AsSpan(_timesMs);

    public ReadOnlySpan<double> Numbers => CollectionsMarshal.AsSpan(_numbers);

    /// <summary>A row has a number or a histogram.</summary>
    public TextColumn Histograms { get; } = new();

    public void Add(Labels labels, long timeMs, double number, string? histogram)
    {
        foreach ((string name, string value) in labels.Pairs)
        {
            Names.Add(name);
            Values.Add(value);
        }
        _labelEnds.Add(Names.Rows);
        _timesMs.Add(timeMs);
        _numbers.Add(number);
        Histograms.Add(histogram);
    }
}

/// <summary>Texts in Arrow's layout.</summary>
internal sealed class TextColumn
{
    private readonly List<int> _ends = [0];
    private readonly List<bool> _isThere = [];
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public int Rows => _isThere.Count;

    /// <summary>Rows without a text.</summary>
    public int Missing { get; private set; }

    /// <summary>Bytes before each row, and of all.</summary>
    public ReadOnlySpan<int> Ends => CollectionsMarshal.AsSpan(_ends);

    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    public void Add(string? text)
    {
        _bytes.Advance(Encoding.UTF8.GetBytes(text ?? "", _bytes.GetSpan(Encoding.UTF8.GetMaxByteCount(text?.Length ?? 0))));
        _ends.Add(_bytes.WrittenCount);
        _isThere.Add(text is not null);
        Missing += text is null ? 1 : 0;
    }

    /// <summary>A bit a row, the lowest of a byte first: whether it has a text, or inverted whether it has none.</summary>
    public byte[] Bitmap(bool isInverted)
    {
        byte[] bits = new byte[(Rows + 7) / 8];
        for (int row = 0; row < Rows; row++)
        {
            bits[row / 8] |= (byte)((_isThere[row] != isInverted ? 1 : 0) << (row % 8));
        }
        return bits;
    }
}
