using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.RemoteRead;

/// <summary>
/// A stream of <c>ChunkedReadResponse</c> messages (storage/remote/chunked.go): each a varint of its length, its CRC-32C with the highest byte first,
/// and the message with chunks of one series.
/// </summary>
internal sealed class ChunkStream(IBufferWriter<byte> output)
{
    /// <summary>Samples of a chunk, as Prometheus' own have.</summary>
    public const int SamplesPerChunk = 120;

    /// <summary>Bytes of chunks from which on a series goes on in a further message (storage.remote.read-max-bytes-in-frame).</summary>
    private const int MessageBytes = 1 << 20;

    private readonly BitWriter _bits = new();

    /// <summary>Writes a series; they are to come in the order of their labels.</summary>
    public void Write(int query, SeriesData series)
    {
        for (int next = 0; next < series.TimesMs.Length;)
        {
            var writer = new ProtobufWriter();
            int message = writer.Begin(1);
            SeriesMessage.Labels(series.Labels, writer);
            while (next < series.TimesMs.Length && writer.Written.Length < MessageBytes)
            {
                int end = ChunkEnd(series, next);
                Chunk(series, next, end, writer);
                next = end;
            }
            writer.End(message);
            writer.Varint(2, (ulong)query);
            Frame(writer.Written.Span);
        }
    }

    private void Chunk(SeriesData series, int first, int end, ProtobufWriter writer)
    {
        ReadOnlySpan<long> times = series.TimesMs.AsSpan(first..end);
        bool isHistogram = series.Histograms?[first] is not null;
        if (isHistogram)
        {
            HistogramChunk.Encode(times, series.Histograms.AsSpan(first..end), series.HasWholeCounts, _bits);
        }
        else
        {
            XorChunk.Encode(times, series.Values.AsSpan(first..end), _bits);
        }
        int chunk = writer.Begin(2);
        writer.Varint(1, (ulong)times[0]);
        writer.Varint(2, (ulong)times[^1]);
        writer.Varint(3, !isHistogram ? XorChunk.Encoding : series.HasWholeCounts ? HistogramChunk.WholeEncoding : HistogramChunk.FloatEncoding);
        writer.Bytes(4, _bits.Written);
        writer.End(chunk);
    }

    private static int ChunkEnd(SeriesData series, int first)
    {
        int end = first + 1;
        while (end < series.TimesMs.Length && end - first < SamplesPerChunk && Fits(series.Histograms?[end - 1], series.Histograms?[end]))
        {
            end++;
        }
        return end;

        static bool Fits(FloatHistogram? previous, FloatHistogram? next) =>
            previous is null || next is null ? previous is null && next is null : HistogramChunk.CanFollow(previous, next);
    }

    private void Frame(ReadOnlySpan<byte> message)
    {
        Span<byte> head = output.GetSpan(10 + sizeof(uint));
        int length = 0;
        uint rest = (uint)message.Length;
        for (; rest >= 0x80; rest >>= 7)
        {
            head[length++] = (byte)(rest | 0x80);
        }
        head[length++] = (byte)rest;
        BinaryPrimitives.WriteUInt32BigEndian(head[length..], Crc32C(message));
        output.Advance(length + sizeof(uint));
        output.Write(message);
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }
        foreach (byte rest in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }
        return ~crc;
    }
}
