using System.Buffers;
using System.Net.Http.Headers;
using System.Text;

namespace SloEngine.EndToEnd.Differential;

/// <summary>A request of Prometheus' remote write protocol, version 1 (prometheus.io/docs/specs/prw/remote_write_spec).</summary>
internal sealed class RemoteWrite
{
    /// <summary>Literal bytes that one element of a Snappy block may hold where its length has two bytes.</summary>
    private const int MaxLiteral = 1 << 16;

    private readonly Message _request = new();

    /// <summary>A float sample.</summary>
    public void Sample(IEnumerable<KeyValuePair<string, string>> labels, long timeMs, double value)
    {
        Message series = Series(labels);
        series.Add(2, new Message().Add(1, value).Add(2, (ulong)timeMs));
        _request.Add(1, series);
    }

    /// <summary>A native histogram with positive buckets from an index on.</summary>
    public void Histogram(
        IEnumerable<KeyValuePair<string, string>> labels, long timeMs, int schema, double zeroThreshold, long zeros, int firstIndex, long[] counts, double sum)
    {
        var histogram = new Message();
        histogram.Add(1, (ulong)(counts.Sum() + zeros)).Add(3, sum).Add(4, ZigZag(schema)).Add(5, zeroThreshold).Add(6, (ulong)zeros);
        histogram.Add(11, new Message().Add(1, ZigZag(firstIndex)).Add(2, (ulong)counts.Length));
        var deltas = new Message();
        long last = 0;
        foreach (long count in counts)
        {
            deltas.Varint(ZigZag(count - last));
            last = count;
        }
        histogram.Add(12, deltas).Add(15, (ulong)timeMs);
        Message series = Series(labels);
        series.Add(4, histogram);
        _request.Add(1, series);
    }

    /// <summary>An exemplar, in a message of its own, as Prometheus sends them.</summary>
    public void Exemplar(IEnumerable<KeyValuePair<string, string>> labels, long timeMs, double value, params KeyValuePair<string, string>[] exemplarLabels)
    {
        Message series = Series(labels);
        var exemplar = new Message();
        foreach ((string name, string text) in exemplarLabels)
        {
            exemplar.Add(1, new Message().Add(1, name).Add(2, text));
        }
        series.Add(3, exemplar.Add(2, value).Add(3, (ulong)timeMs));
        _request.Add(1, series);
    }

    public async Task SendAsync(Uri prometheus)
    {
        using var http = new HttpClient { BaseAddress = prometheus };
        using var content = new ByteArrayContent(Snappy(_request.ToArray()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        content.Headers.ContentEncoding.Add("snappy");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/api/v1/write", UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private static Message Series(IEnumerable<KeyValuePair<string, string>> labels)
    {
        var series = new Message();
        foreach ((string name, string value) in labels.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            series.Add(1, new Message().Add(1, name).Add(2, value));
        }
        return series;
    }

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    /// <summary>A Snappy block of literals alone.</summary>
    private static byte[] Snappy(byte[] plain)
    {
        var block = new Message();
        block.Varint((ulong)plain.Length);
        for (int start = 0; start < plain.Length; start += MaxLiteral)
        {
            int length = Math.Min(MaxLiteral, plain.Length - start);
            block.Bytes([61 << 2, (byte)(length - 1), (byte)((length - 1) >> 8)]);
            block.Bytes(plain.AsSpan(start, length));
        }
        return block.ToArray();
    }

    /// <summary>A protobuf message that is being written.</summary>
    private sealed class Message
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

        public Message Add(int field, ulong value)
        {
            Varint((ulong)(field << 3));
            Varint(value);
            return this;
        }

        public Message Add(int field, double value)
        {
            Varint((ulong)((field << 3) | 1));
            Bytes(BitConverter.GetBytes(value));
            return this;
        }

        public Message Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

        public Message Add(int field, Message value) => Add(field, value.ToArray());

        public void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                _bytes.Write([(byte)(value | 0x80)]);
            }
            _bytes.Write([(byte)value]);
        }

        public void Bytes(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

        private Message Add(int field, byte[] bytes)
        {
            Varint((ulong)((field << 3) | 2));
            Varint((ulong)bytes.Length);
            Bytes(bytes);
            return this;
        }
    }
}
