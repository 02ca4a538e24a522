using System.Buffers;
using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;
using SloEngine.Query.Http;

namespace SloEngine.Bench.PromQL;

/// <summary>The text of an answer: points of rates, whose values have sixteen digits, over a day by minutes.</summary>
[MemoryDiagnoser]
public class AnswerBenchmarks
{
    private const int Points = 1440;

    private readonly ArrayBufferWriter<byte> _text = new(1 << 20);
    private readonly byte[] _utf8 = new byte[SampleText.MostBytes];
    private readonly double[] _values = [.. Enumerable.Range(0, Points).Select(minute => (1_000_000 + (minute * 7919)) / 285d)];
    private MatrixResult _matrix = null!;

    /// <summary>Makes the answer.</summary>
    [GlobalSetup]
    public void Setup() => _matrix = new MatrixResult(
        [new ResultSeries(Labels.Empty, [.. Enumerable.Range(0, Points).Select(minute => 1_771_200_000_000 + (minute * 60_000L))], _values)]);

    /// <summary>A point of an answer: its time, its value, and the marks around them.</summary>
    [Benchmark(OperationsPerInvoke = Points)]
    public async Task<int> Point()
    {
        _text.ResetWrittenCount();
        using var json = new Utf8JsonWriter(_text);
        await PrometheusJson.WriteAnswerAsync(json, _matrix, "", 0, null, static () => ValueTask.CompletedTask);
        json.Flush();
        return _text.WrittenCount;
    }

    /// <summary>Its value alone.</summary>
    [Benchmark(OperationsPerInvoke = Points)]
    public int Value()
    {
        int length = 0;
        foreach (double value in _values)
        {
            length += SampleText.Print(value, _utf8);
        }
        return length;
    }

    /// <summary>The framework's shortest round trip of the same, which has exponents where Prometheus has none.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Points)]
    public int FrameworkValue()
    {
        int length = 0;
        foreach (double value in _values)
        {
            value.TryFormat(_utf8, out int written, "R", CultureInfo.InvariantCulture);
            length += written;
        }
        return length;
    }
}
