using System.Runtime.InteropServices;
using System.Text;

namespace SloEngine.Storage.Chdb;

/// <summary>Pinned copies of a statement and its parameters for the time of a native call.</summary>
internal readonly unsafe ref struct ChdbArguments : IDisposable
{
    private readonly List<GCHandle> _pins = [];

    public ChdbArguments(string sql, string format, IReadOnlyDictionary<string, string> parameters)
    {
        Sql = Pin(sql, out nuint sqlLength);
        Format = Pin(format, out nuint formatLength);
        (SqlLength, FormatLength, Count) = (sqlLength, formatLength, (nuint)parameters.Count);
        if (parameters.Count == 0)
        {
            return;
        }
        nuint table = (nuint)(parameters.Count * sizeof(nint));
        Names = (byte**)NativeMemory.Alloc(table);
        NameLengths = (nuint*)NativeMemory.Alloc(table);
        Values = (byte**)NativeMemory.Alloc(table);
        ValueLengths = (nuint*)NativeMemory.Alloc(table);
        int index = 0;
        foreach ((string name, string value) in parameters)
        {
            Names[index] = Pin(name, out NameLengths[index]);
            Values[index] = Pin(SqlText.Parameter(sql, name, value), out ValueLengths[index]);
            index++;
        }
    }

    public byte* Sql { get; }

    public nuint SqlLength { get; }

    public byte* Format { get; }

    public nuint FormatLength { get; }

    public byte** Names { get; }

    public nuint* NameLengths { get; }

    public byte** Values { get; }

    public nuint* ValueLengths { get; }

    public nuint Count { get; }

    public void Dispose()
    {
        foreach (GCHandle pin in _pins)
        {
            pin.Free();
        }
        NativeMemory.Free(Names);
        NativeMemory.Free(NameLengths);
        NativeMemory.Free(Values);
        NativeMemory.Free(ValueLengths);
    }

    private byte* Pin(string text, out nuint length)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + "\0");
        var pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        _pins.Add(pin);
        length = (nuint)(bytes.Length - 1);
        return (byte*)pin.AddrOfPinnedObject();
    }
}
