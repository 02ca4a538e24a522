using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Chdb;

/// <summary>One connection to the embedded engine. It runs one statement at a time: its owner sees to that.</summary>
internal sealed unsafe class ChdbConnection : SafeHandle
{
    private ChdbConnection(nint* connection)
        : base(0, ownsHandle: true) => SetHandle((nint)connection);

    public override bool IsInvalid => handle == 0;

    private nint Connection => *(nint*)handle;

    /// <summary>Connects to the storage path of this process; settings are <c>name=value</c> pairs of the engine.</summary>
    public static ChdbConnection Open(string path, IEnumerable<string> settings)
    {
        string[] arguments = ["clickhouse", "--path=" + path, .. settings.Select(setting => "--" + setting)];
        byte** argv = (byte**)NativeMemory.AllocZeroed((nuint)arguments.Length, (nuint)sizeof(byte*));
        try
        {
            for (int index = 0; index < arguments.Length; index++)
            {
                argv[index] = (byte*)Marshal.StringToCoTaskMemUTF8(arguments[index]);
            }
            byte[]? runtime = ActivationSignal.Save();
            nint* connection = ChdbNative.chdb_connect(arguments.Length, argv);
            ActivationSignal.Restore(runtime);
            if (connection is null || *connection == 0)
            {
                throw new StoreException(0, $"the embedded ClickHouse engine did not open {path}: is it the data of an engine, and the disk in order?");
            }
            return new ChdbConnection(connection);
        }
        finally
        {
            for (int index = 0; index < arguments.Length; index++)
            {
                Marshal.FreeCoTaskMem((nint)argv[index]);
            }
            NativeMemory.Free(argv);
        }
    }

    /// <summary>Runs a statement and writes its whole result to <paramref name="output"/>.</summary>
    public void Query(string sql, string format, IReadOnlyDictionary<string, string> parameters, IBufferWriter<byte> output) => Query(
        sql, format, parameters, result =>
        {
            Copy(result, output);
            return true;
        });

    /// <summary>Runs a statement and decodes its result where the engine has put it.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Values of its placeholders.</param>
    /// <param name="copies">Whether columns outlive <paramref name="read"/>.</param>
    /// <param name="read">Takes the result.</param>
    /// <exception cref="StoreException">The statement failed, or its result is larger than 2 GiB.</exception>
    public T Query<T>(string sql, IReadOnlyDictionary<string, string> parameters, bool copies, Func<QueryResult, T> read) => Query(
        sql, "Native", parameters, result =>
        {
            nuint length = ChdbNative.chdb_result_length(result);
            if (length > int.MaxValue)
            {
                throw new StoreException(0, $"a result of {length} bytes is too large: ask for less at once");
            }
            using var memory = new EngineMemory(ChdbNative.chdb_result_buffer(result), (int)length);
            return read(NativeReader.Read(memory.Memory, copies));
        });

    private T Query<T>(string sql, string format, IReadOnlyDictionary<string, string> parameters, Func<nint, T> read)
    {
        using var arguments = new ChdbArguments(sql, format, parameters);
        nint result = ChdbNative.chdb_query_with_params_n(
            Connection, arguments.Sql, arguments.SqlLength, arguments.Format, arguments.FormatLength,
            arguments.Names, arguments.NameLengths, arguments.Values, arguments.ValueLengths, arguments.Count);
        try
        {
            if (result == 0)
            {
                throw new StoreException(0, "the engine gave no result");
            }
            ThrowIfError(ChdbNative.chdb_result_error(result));
            return read(result);
        }
        finally
        {
            ChdbNative.chdb_destroy_query_result(result);
        }
    }

    /// <summary>Inserts one block in an input format; returns when the engine has committed it.</summary>
    public void Insert(string sql, string format, ReadOnlySpan<byte> block)
    {
        byte[] query = Encoding.UTF8.GetBytes(sql);
        byte[] formatName = Encoding.UTF8.GetBytes(format);
        nint stream;
        fixed (byte* text = query, formatText = formatName)
        {
            stream = ChdbNative.chdb_stream_insert_n(Connection, text, (nuint)query.Length, formatText, (nuint)formatName.Length);
        }
        try
        {
            ThrowIfError(ChdbNative.chdb_stream_insert_error(stream));
            fixed (byte* data = block)
            {
                if (ChdbNative.chdb_stream_append(stream, data, (nuint)block.Length) != 0)
                {
                    ThrowIfError(ChdbNative.chdb_stream_insert_error(stream));
                    throw new StoreException(0, "the engine refused the block");
                }
            }
            nint done = ChdbNative.chdb_stream_done(stream);
            try
            {
                ThrowIfError(done == 0 ? ChdbNative.chdb_stream_insert_error(stream) : ChdbNative.chdb_result_error(done));
            }
            finally
            {
                ChdbNative.chdb_destroy_query_result(done);
            }
        }
        finally
        {
            ChdbNative.chdb_destroy_insert_stream(stream);
        }
    }

    protected override bool ReleaseHandle()
    {
        ChdbNative.chdb_close_conn((nint*)handle);
        return true;
    }

    private static void Copy(nint result, IBufferWriter<byte> output)
    {
        byte* buffer = ChdbNative.chdb_result_buffer(result);
        if (buffer is null)
        {
            return;
        }
        nuint left = ChdbNative.chdb_result_length(result);
        while (left > 0)
        {
            int length = (int)Math.Min(left, 1 << 20);
            output.Write(new ReadOnlySpan<byte>(buffer, length));
            buffer += length;
            left -= (nuint)length;
        }
    }

    private static void ThrowIfError(byte* error)
    {
        if (error is not null)
        {
            throw Parse(Marshal.PtrToStringUTF8((nint)error) ?? "");
        }
    }

    /// <summary>Turns "Code: 60. DB::Exception: Unknown table x. (UNKNOWN_TABLE)" into a code and what is worth reading.</summary>
    internal static StoreException Parse(string text)
    {
        int code = 0;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        if (rest.StartsWith("Code: "))
        {
            rest = rest["Code: ".Length..];
            int dot = rest.IndexOf('.');
            if (dot > 0 && int.TryParse(rest[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out code))
            {
                rest = rest[(dot + 1)..].Trim();
            }
        }
        if (rest.StartsWith("DB::Exception: "))
        {
            rest = rest["DB::Exception: ".Length..];
        }
        // What is told later, as of backups, has it in the same line.
        int stack = rest.IndexOf(", Stack trace") is >= 0 and var inLine ? inLine : rest.IndexOf("\nStack trace");
        return new StoreException(code, (stack < 0 ? rest : rest[..stack]).Trim().ToString());
    }
}
