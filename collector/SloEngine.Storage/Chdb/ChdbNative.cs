using System.Runtime.InteropServices;

namespace SloEngine.Storage.Chdb;

/// <summary>The C interface of libchdb 26.7 (chdb.h), as far as it is used.</summary>
internal static unsafe partial class ChdbNative
{
    /// <summary>Name that <see cref="ChdbLibrary"/> resolves to a path.</summary>
    public const string Library = "chdb";

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int setenv(string name, string value, int overwrite);

    [LibraryImport(Library)]
    public static partial void chdb_set_signal_handlers_enabled(int enabled);

    [LibraryImport(Library)]
    public static partial nint* chdb_connect(int argc, byte** argv);

    [LibraryImport(Library)]
    public static partial void chdb_close_conn(nint* connection);

    [LibraryImport(Library)]
    public static partial nint chdb_query_with_params_n(
        nint connection, byte* query, nuint queryLength, byte* format, nuint formatLength,
        byte** names, nuint* nameLengths, byte** values, nuint* valueLengths, nuint count);

    [LibraryImport(Library)]
    public static partial nint chdb_stream_insert_n(nint connection, byte* query, nuint queryLength, byte* format, nuint formatLength);

    [LibraryImport(Library)]
    public static partial int chdb_stream_append(nint stream, byte* data, nuint length);

    [LibraryImport(Library)]
    public static partial nint chdb_stream_done(nint stream);

    [LibraryImport(Library)]
    public static partial byte* chdb_stream_insert_error(nint stream);

    [LibraryImport(Library)]
    public static partial void chdb_destroy_insert_stream(nint stream);

    [LibraryImport(Library)]
    public static partial byte* chdb_result_buffer(nint result);

    [LibraryImport(Library)]
    public static partial nuint chdb_result_length(nint result);

    [LibraryImport(Library)]
    public static partial byte* chdb_result_error(nint result);

    [LibraryImport(Library)]
    public static partial void chdb_destroy_query_result(nint result);
}
