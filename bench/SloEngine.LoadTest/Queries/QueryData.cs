using System.Diagnostics;
using System.Globalization;
using System.Text;
using IronSnappy;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.LoadTest.Queries;

/// <summary>How much there is to ask.</summary>
/// <param name="Instances">Instances of 100 series over the last hours.</param>
/// <param name="Hours">Those hours, at 15 s.</param>
/// <param name="Services">Services of 20 series over the last days.</param>
/// <param name="Days">Those days.</param>
/// <param name="LongInterval">Seconds between their samples.</param>
/// <param name="End">When all of it ends: a full hour, Unix seconds.</param>
internal sealed record QuerySize(int Instances, int Hours, int Services, int Days, int LongInterval, long End)
{
    public long WideSamples => Instances * 100L * Hours * 240;

    public long LongSamples => Services * 20L * Days * (86_400 / LongInterval);
}

/// <summary>
/// The same samples in both programs, an hour at a time: by remote write here, and as blocks of a day that promtool makes for Prometheus, which
/// takes nothing that old otherwise.
/// </summary>
internal sealed class QueryData(QuerySize size, HttpClient sloengine, DirectoryInfo prometheus, string promtool)
{
    private const int WideInterval = 15;

    /// <summary>Seconds from a full hour to its first sample: off the times that queries ask for, since Prometheus before 3.0 counts a sample at the very start of a window in.</summary>
    private const int Shift = 7;

    public async Task WriteAsync(CancellationToken cancellation)
    {
        QuerySeries[] wide = QuerySeries.Wide(size.Instances);
        QuerySeries[] slow = QuerySeries.Long(size.Services);
        long begin = size.End - Math.Max(size.Days * 86_400L, size.Hours * 3_600L);
        string file = Path.Combine(prometheus.FullName, "day.om");
        StreamWriter text = new(file, append: false, new UTF8Encoding(false), 1 << 20);
        for (long hour = begin; hour < size.End; hour += 3_600)
        {
            if (hour >= size.End - (size.Days * 86_400L))
            {
                await WriteAsync(slow, hour, size.LongInterval, text, cancellation);
            }
            if (hour >= size.End - (size.Hours * 3_600L))
            {
                await WriteAsync(wide, hour, WideInterval, text, cancellation);
            }
            if ((hour + 3_600) % 86_400 == 0 || hour + 3_600 == size.End)
            {
                await text.WriteAsync("# EOF\n");
                await text.DisposeAsync();
                await BlockAsync(file, cancellation);
                Console.WriteLine($"written until {DateTimeOffset.FromUnixTimeSeconds(hour + 3_600):u}");
                text = new StreamWriter(file, append: false, new UTF8Encoding(false), 1 << 20);
            }
        }
        await text.DisposeAsync();
        File.Delete(file);
    }

    /// <summary>An hour of series: requests of 100 series each, and lines.</summary>
    private async Task WriteAsync(QuerySeries[] all, long from, int interval, StreamWriter text, CancellationToken cancellation)
    {
        int count = 3_600 / interval;
        var values = new double[count];
        foreach (QuerySeries[] some in all.Chunk(100))
        {
            var writer = new ProtobufWriter();
            foreach (QuerySeries series in some)
            {
                for (int index = 0; index < count; index++)
                {
                    values[index] = series.Next();
                    text.Write(series.Text);
                    text.Write(' ');
                    text.Write(values[index].ToString(CultureInfo.InvariantCulture));
                    text.Write(' ');
                    text.Write(from + Shift + (index * interval));
                    text.Write('\n');
                }
                Write(writer, series, values, from, interval);
            }
            await Peer.WriteAsync(sloengine, Snappy.Encode(writer.Written.Span), cancellation);
        }
    }

    private static void Write(ProtobufWriter writer, QuerySeries series, double[] values, long from, int interval)
    {
        int one = writer.Begin(1);
        foreach ((string name, string value) in series.Labels)
        {
            int label = writer.Begin(1);
            writer.Text(1, name);
            writer.Text(2, value);
            writer.End(label);
        }
        for (int index = 0; index < values.Length; index++)
        {
            int sample = writer.Begin(2);
            writer.Double(1, values[index]);
            writer.Varint(2, (ulong)(from + Shift + (index * interval)) * 1_000);
            writer.End(sample);
        }
        writer.End(one);
    }

    private async Task BlockAsync(string file, CancellationToken cancellation)
    {
        using Process process = Process.Start(new ProcessStartInfo(
            promtool, ["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h", file, Path.Combine(prometheus.FullName, "tsdb")]))!;
        await process.WaitForExitAsync(cancellation);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"promtool exited with {process.ExitCode}");
        }
    }
}
