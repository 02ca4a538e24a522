using SloEngine.Storage.Chdb;

namespace SloEngine.Storage.Tests;

/// <summary>The real engine on a directory of its own, shared by the tests of this assembly: a process has one storage path.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-store-");

    public EmbeddedColumnStore Store { get; private set; } = null!;

    public string Path => _directory.FullName;

    public async Task InitializeAsync() => Store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = _directory.FullName });

    public async Task DisposeAsync()
    {
        await Store.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}

[CollectionDefinition(Name)]
public sealed class EngineCollection : ICollectionFixture<EngineFixture>
{
    public const string Name = "engine";
}
