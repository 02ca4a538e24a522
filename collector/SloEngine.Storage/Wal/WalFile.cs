using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>A small file beside a log, with a checksum, that is replaced as a whole.</summary>
public static class WalFile
{
    /// <summary>Reads a file; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static byte[]? Read(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        if (!File.Exists(path))
        {
            return null;
        }
        byte[] file = File.ReadAllBytes(path);
        return file.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(file.Length - 4)) == WalFrame.Checksum(file.AsSpan(0, file.Length - 4))
            ? file[..^4]
            : throw new InvalidDataException($"{path} is damaged; move it away if what it stands for may be lost");
    }

    /// <summary>Replaces a file; when this returns it survives the end of the machine.</summary>
    /// <exception cref="IOException">It could not be written; the one before holds.</exception>
    public static void Replace(string directory, string name, ReadOnlySpan<byte> content)
    {
        string path = Path.Combine(directory, name);
        string next = path + ".new";
        byte[] file = new byte[content.Length + 4];
        content.CopyTo(file);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(content.Length), WalFrame.Checksum(content));
        using (SafeFileHandle handle = File.OpenHandle(next, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(handle, file, 0);
            RandomAccess.FlushToDisk(handle);
        }
        File.Move(next, path, overwrite: true);
        DirectorySync.Flush(directory);
    }
}
