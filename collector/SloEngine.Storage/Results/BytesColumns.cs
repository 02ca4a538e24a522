using System.Text;

namespace SloEngine.Storage.Results;

/// <summary>A String column.</summary>
internal sealed class StringColumn(byte[] data, int[] ends) : BytesResultColumn
{
    public override int Count => ends.Length;

    public override ReadOnlySpan<byte> Bytes(int row) => data.AsSpan((row == 0 ? 0 : ends[row - 1])..ends[row]);
}

/// <summary>A FixedString column.</summary>
internal sealed class FixedBytesColumn(byte[] data, int width) : BytesResultColumn
{
    public override int Count => data.Length / width;

    public override ReadOnlySpan<byte> Bytes(int row) => data.AsSpan(row * width, width);
}

/// <summary>A LowCardinality(String) column.</summary>
internal sealed class DictionaryColumn(byte[][] dictionary, int[] codes) : BytesResultColumn
{
    private readonly string?[] _texts = new string?[dictionary.Length];

    public override int Count => codes.Length;

    public override ReadOnlySpan<byte> Bytes(int row) => dictionary[codes[row]];

    public override string String(int row) => _texts[codes[row]] ??= Encoding.UTF8.GetString(dictionary[codes[row]]);
}
